// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import Logging
import NIOConcurrencyHelpers
import NIOCore
import SocketIOServer
import SocketIOTesting

@testable import socketio_conformance_server

/// Starts servers for tests: the conformance server's applications, each on event loops of its own and a port of its
/// own, for the length of one test.
enum ServerUnderTest {
    typealias Configure = @Sendable (inout EngineConfiguration) -> Void
    typealias ConfigureServer = @Sendable (inout ServerConfiguration) -> Void
    typealias Setup = @Sendable (Server) -> Void
    typealias Body = @Sendable (ServerAddress) async throws -> Void

    private static let slots = Slots(6)

    /// Runs `work` when there is room for one more server.
    private static func inTurn(_ work: () async throws -> Void) async throws {
        await slots.take()
        do {
            try await work()
        } catch {
            await slots.giveBack()
            throw error
        }
        await slots.giveBack()
    }

    /// A running server, for tests that look inside.
    struct Running: Sendable {
        let address: ServerAddress
        /// Engine.IO sessions at the moment.
        let clientsCount: @Sendable () -> Int
    }

    /// `eio`: echoes every message at `/engine.io/`.
    static func engineEcho(
        loops: Int = 1, configure: @escaping Configure = { _ in }, _ body: Body
    ) async throws {
        try await engine(loops: loops, configure: configure) { try await body($0.address) }
    }

    /// As ``engineEcho(loops:configure:_:)``, with its number of sessions.
    static func engine(
        loops: Int = 1, configure: @escaping Configure = { _ in },
        _ body: @Sendable (Running) async throws -> Void
    ) async throws {
        try await run(.eio, ApplicationSettings(eventLoops: loops, configure: configure), body)
    }

    /// `ws-echo`: a plain WebSocket echo endpoint.
    static func webSocketEcho(_ body: Body) async throws {
        try await run(.wsEcho, ApplicationSettings()) { try await body($0.address) }
    }

    /// One of the Socket.IO applications.
    static func application(
        _ application: ConformanceApplication, loops: Int = 1, configure: @escaping ConfigureServer = { _ in },
        _ body: Body
    ) async throws {
        try await run(application, ApplicationSettings(eventLoops: loops, configureServer: configure)) {
            try await body($0.address)
        }
    }

    /// `protocol`: the application of the Socket.IO v5 suite.
    static func protocolSuite(
        loops: Int = 1, configure: @escaping ConfigureServer = { _ in }, _ body: Body
    ) async throws {
        try await application(.protocol, loops: loops, configure: configure, body)
    }

    /// A server with handlers of the test's own.
    static func socketIO(
        loops: Int = 1, configure: ConfigureServer = { _ in }, setup: Setup, body: Body
    ) async throws {
        var configuration = ServerConfiguration()
        configuration.eventLoops = loops
        configuration.logger.logLevel = .critical
        configuration.engine.logger.logLevel = .critical
        configure(&configuration)
        let ours = configuration
        try await inTurn {
            let io = Server(configuration: ours)
            setup(io)
            do {
                let address = try await io.listen()
                try await body(ServerAddress(port: address?.port ?? 0))
            } catch {
                await io.close()
                throw error
            }
            await io.close()
        }
    }

    /// Who is at a server with handlers of the test's own; ``watch`` is its `setup`.
    final class Counts: Sendable {
        private let server = NIOLockedValueBox<Server?>(nil)
        private let seen = NIOLockedValueBox((connections: 0, events: 0))

        /// Sockets that have connected, and events that they have been handed, since the start.
        var connected: Int { seen.withLockedValue { $0.connections } }
        var events: Int { seen.withLockedValue { $0.events } }
        /// Sessions and sockets at the moment.
        var clients: Int { server.withLockedValue { $0?.engine.clientsCount ?? 0 } }
        var sockets: Int { server.withLockedValue { $0?.sockets.socketCount ?? 0 } }

        @Sendable
        func watch(_ io: Server) {
            server.withLockedValue { $0 = io }
            io.onConnection { [seen] socket in
                seen.withLockedValue { $0.connections += 1 }
                socket.onAny { _, _ in seen.withLockedValue { $0.events += 1 } }
            }
        }
    }

    private static func run(
        _ application: ConformanceApplication, _ settings: ApplicationSettings,
        _ body: @Sendable (Running) async throws -> Void
    ) async throws {
        try await inTurn {
            let started = try await application.start(settings)
            let running = Running(address: ServerAddress(port: started.port), clientsCount: started.clientsCount)
            do {
                try await body(running)
            } catch {
                await started.stop()
                throw error
            }
            await started.stop()
        }
    }
}
