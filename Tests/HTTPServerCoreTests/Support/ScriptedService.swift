// Part of socketio-server, MIT licence; see LICENSE.

import HTTPTesting
import NIOConcurrencyHelpers
import NIOCore

@testable import HTTPServerCore

/// A service that answers with what a test wants, and remembers its exchanges. With an application, that answers what is not below
/// `/socket.io/`.
final class ScriptedService: HTTPService {
    private let script: ExchangeScript
    private let buffer: ReceiveBufferPool?
    private let application: (any HTTPApplication)?
    /// What the connections have reported.
    let limits = NIOLockedValueBox<[HTTPLimit]>([])

    /// - Parameter buffer: what connections read into, on a server with one event loop.
    init(
        buffer: ReceiveBufferPool? = nil, application: (any HTTPApplication)? = nil,
        _ script: @escaping @Sendable (HTTPExchange) -> Void = { $0.respond(.echo($0)) }
    ) {
        self.buffer = buffer
        self.application = application
        self.script = ExchangeScript(script)
    }

    func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> ReceiveBufferPool? { buffer }

    func exceeded(_ limit: HTTPLimit, by address: String, on eventLoop: any EventLoop) {
        limits.withLockedValue { $0.append(limit) }
    }

    var exchanges: [HTTPExchange] { script.exchanges }

    func handle(_ exchange: HTTPExchange) {
        if let application, !exchange.request.target.hasPrefix("/socket.io/") { return exchange.run(application) }
        script.handle(exchange)
    }
}

typealias EmbeddedConnection = HTTPTesting.EmbeddedConnection<ScriptedService>

extension HTTPTesting.EmbeddedConnection where Peer == ScriptedService {
    var service: ScriptedService { peer }

    convenience init(
        service: ScriptedService = ScriptedService(), isSecure: Bool = false,
        below: (any ChannelHandler)? = nil, configure: (inout HTTPServerConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = HTTPServerConfiguration()
        configure(&configuration)
        let server = HTTPServer(configuration: configuration, service: service)
        try self.init(peer: service, server: server, isSecure: isSecure, below: below)
    }
}

typealias TestServer = HTTPTestServer

extension HTTPTestServer {
    static func start(
        service: any HTTPService = ScriptedService(), threads: Int = 1,
        configure: (inout HTTPServerConfiguration) -> Void = { _ in }
    ) async throws -> HTTPTestServer {
        var configuration = HTTPServerConfiguration()
        configure(&configuration)
        return try await start(threads: threads) { eventLoops in
            HTTPServer(configuration: configuration, service: service, eventLoops: eventLoops)
        }
    }

    /// Runs `body` with a server and stops it afterwards.
    static func with(
        service: any HTTPService = ScriptedService(),
        configure: (inout HTTPServerConfiguration) -> Void = { _ in },
        _ body: (HTTPTestServer) async throws -> Void
    ) async throws {
        try await start(service: service, configure: configure).run(body)
    }
}
