// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOServer
internal import Logging
internal import NIOCore
internal import NIOHTTP1
package import SocketIOServer

/// What the command line says about the server.
package struct ApplicationSettings: Sendable {
    package var host: String
    package var port: Int
    package var eventLoops: Int
    /// Name that `mixed` reports.
    package var name: String
    /// Overrides the application's own interval.
    package var pingInterval: Duration?
    /// Overrides the application's own timeout.
    package var pingTimeout: Duration?
    /// Changes the engine's configuration at last; for tests.
    package var configure: @Sendable (inout EngineConfiguration) -> Void
    /// Changes the server's configuration at last; for tests.
    package var configureServer: @Sendable (inout ServerConfiguration) -> Void

    package init(
        host: String = "127.0.0.1", port: Int = 0, eventLoops: Int = 1, name: String = "node",
        pingInterval: Duration? = nil, pingTimeout: Duration? = nil,
        configure: @escaping @Sendable (inout EngineConfiguration) -> Void = { _ in },
        configureServer: @escaping @Sendable (inout ServerConfiguration) -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.eventLoops = eventLoops
        self.name = name
        self.pingInterval = pingInterval
        self.pingTimeout = pingTimeout
        self.configure = configure
        self.configureServer = configureServer
    }

    /// The configuration of an engine with an application's own heartbeat, changed as the command line says.
    func engine(
        pingInterval: Duration, pingTimeout: Duration, cors: CORSConfiguration?
    ) -> EngineConfiguration {
        var configuration = EngineConfiguration()
        configuration.pingInterval = self.pingInterval ?? pingInterval
        configuration.pingTimeout = self.pingTimeout ?? pingTimeout
        configuration.cors = cors
        configuration.logger.logLevel = .error
        configure(&configuration)
        return configuration
    }
}

/// A conformance application that accepts connections.
package struct RunningApplication: Sendable {
    package let port: Int
    /// Engine.IO sessions at the moment.
    package let clientsCount: @Sendable () -> Int
    /// Closes everything and ends the event loops.
    package let stop: @Sendable () async -> Void
}

/// The applications that outside test suites are written for.
package enum ConformanceApplication: String, CaseIterable, Sendable {
    case eio
    case `protocol`
    case clientSuite = "client-suite"
    case mixed
    case bench
    case wsEcho = "ws-echo"

    /// Starts the application.
    package func start(_ settings: ApplicationSettings) async throws -> RunningApplication {
        switch self {
        case .eio: try await EngineEcho.start(settings)
        case .wsEcho: try await WebSocketEcho.start(settings)
        case .protocol: try await ProtocolSuite.start(settings)
        case .clientSuite: try await ClientSuite.start(settings)
        case .mixed: try await AllOperationsApp.start(settings)
        case .bench: try await LoadApp.start(settings)
        }
    }

    /// What is neither Engine.IO nor a client file: `/health`.
    static let other = SimpleApplication { request in
        request.target.split(separator: "?").first == "/health"
            ? .text("ok") : .text("not found\n", status: .notFound)
    }
}
