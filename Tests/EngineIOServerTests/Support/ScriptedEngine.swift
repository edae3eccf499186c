// Part of socketio-server, MIT licence; see LICENSE.

import HTTPServerCore
import HTTPTesting
import NIOCore

@testable import EngineIOServer

/// An engine that answers with what a test wants, and remembers its exchanges.
final class ScriptedEngine: EngineRequestHandler {
    private let script: ExchangeScript
    private let buffer: ReceiveBufferPool?

    /// - Parameter buffer: what connections read into, on a server with one event loop.
    init(
        buffer: ReceiveBufferPool? = nil,
        _ script: @escaping @Sendable (HTTPExchange) -> Void = { $0.respond(.echo($0)) }
    ) {
        self.buffer = buffer
        self.script = ExchangeScript(script)
    }

    func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> ReceiveBufferPool? { buffer }

    var exchanges: [HTTPExchange] { script.exchanges }

    func handle(_ exchange: HTTPExchange) { script.handle(exchange) }
}

typealias EmbeddedConnection = HTTPTesting.EmbeddedConnection<ScriptedEngine>

extension HTTPTesting.EmbeddedConnection where Peer == ScriptedEngine {
    var engine: ScriptedEngine { peer }

    convenience init(
        engine: ScriptedEngine = ScriptedEngine(), application: (any HTTPApplication)? = nil, isSecure: Bool = false,
        below: (any ChannelHandler)? = nil, configure: (inout EngineConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = EngineConfiguration()
        configure(&configuration)
        let router = try HTTPRouter(configuration: configuration, engine: engine, application: application)
        try self.init(peer: engine, server: router.server, isSecure: isSecure, below: below)
    }
}

typealias TestServer = HTTPTestServer

extension HTTPTestServer {
    static func start(
        engine: any EngineRequestHandler = ScriptedEngine(), application: (any HTTPApplication)? = nil,
        threads: Int = 1, configure: (inout EngineConfiguration) -> Void = { _ in }
    ) async throws -> HTTPTestServer {
        var configuration = EngineConfiguration()
        configure(&configuration)
        return try await start(threads: threads) { eventLoops in
            try HTTPRouter(
                configuration: configuration, engine: engine, application: application, eventLoops: eventLoops
            ).server
        }
    }

    /// Runs `body` with a server and stops it afterwards.
    static func with(
        engine: any EngineRequestHandler = ScriptedEngine(), application: (any HTTPApplication)? = nil,
        configure: (inout EngineConfiguration) -> Void = { _ in },
        _ body: (HTTPTestServer) async throws -> Void
    ) async throws {
        try await start(engine: engine, application: application, configure: configure).run(body)
    }
}
