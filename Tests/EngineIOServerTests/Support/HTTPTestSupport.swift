// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import HTTPTesting
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix

@testable import EngineIOServer
@testable import HTTPServerCore

/// An engine that answers with what a test wants, and remembers its exchanges.
final class ScriptedEngine: EngineRequestHandler {
    private let script: @Sendable (HTTPExchange) -> Void
    private let seen = NIOLockedValueBox<[HTTPExchange]>([])

    private let buffer: SpareBuffer?

    /// - Parameter buffer: what connections read into, on a server with one event loop.
    init(
        buffer: SpareBuffer? = nil, _ script: @escaping @Sendable (HTTPExchange) -> Void = { $0.respond(.echo($0)) }
    ) {
        self.buffer = buffer
        self.script = script
    }

    func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> SpareBuffer? { buffer }

    var exchanges: [HTTPExchange] { seen.withLockedValue { $0 } }

    func handle(_ exchange: HTTPExchange) {
        seen.withLockedValue { $0.append(exchange) }
        script(exchange)
    }
}

extension HTTPServerResponse {
    /// Method and target, for telling answers apart.
    static func echo(_ exchange: HTTPExchange) -> HTTPServerResponse {
        text("\(exchange.request.method.rawValue) \(exchange.request.target)")
    }

    static func text(_ text: String, status: HTTPResponseStatus = .ok) -> HTTPServerResponse {
        HTTPServerResponse(status: status, headers: ["Content-Type": "text/plain"], body: ByteBuffer(string: text))
    }
}

/// A connection handler in an embedded channel, with a clock that the test moves.
final class EmbeddedConnection {
    let channel = EmbeddedChannel()
    let engine: ScriptedEngine
    private var received = ""

    /// - Parameter below: what is to be between the handler and the channel.
    init(
        engine: ScriptedEngine = ScriptedEngine(), application: (any HTTPApplication)? = nil, isSecure: Bool = false,
        below: (any ChannelHandler)? = nil, configure: (inout EngineConfiguration) -> Void = { _ in }
    ) throws {
        self.engine = engine
        var configuration = EngineConfiguration()
        configure(&configuration)
        let router = try HTTPRouter(configuration: configuration, engine: engine, application: application)
        if let below { try channel.pipeline.syncOperations.addHandler(below) }
        try channel.pipeline.syncOperations.addHandler(
            HTTPConnectionHandler(
                server: router.server, isSecure: isSecure, connections: nil, eventLoop: channel.eventLoop))
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.7", port: 4711)).wait()
    }

    func send(_ text: String) throws {
        try send(ByteBuffer(string: text))
    }

    func send(_ bytes: ByteBuffer) throws {
        guard channel.isActive else { return }
        try channel.writeInbound(bytes)
    }

    /// Everything the server has written so far.
    func output() throws -> String {
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { received += String(buffer: bytes) }
        return received
    }

    func advance(by time: TimeAmount) {
        channel.embeddedEventLoop.advanceTime(by: time)
    }

    var isOpen: Bool { channel.isActive }
}

/// A server on a free port, with one event loop or more.
struct TestServer {
    let group: MultiThreadedEventLoopGroup
    let listener: HTTPListener

    static func start(
        engine: any EngineRequestHandler = ScriptedEngine(), application: (any HTTPApplication)? = nil,
        threads: Int = 1, configure: (inout EngineConfiguration) -> Void = { _ in }
    ) async throws -> TestServer {
        var configuration = EngineConfiguration()
        configure(&configuration)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let router = try HTTPRouter(
            configuration: configuration, engine: engine, application: application,
            eventLoops: Array(group.makeIterator()))
        let listener = try await HTTPListener.bind(
            to: .tcp(host: "127.0.0.1", port: 0), group: group, server: router.server)
        return TestServer(group: group, listener: listener)
    }

    /// Runs `body` with a server and stops it afterwards.
    static func with(
        engine: any EngineRequestHandler = ScriptedEngine(), application: (any HTTPApplication)? = nil,
        configure: (inout EngineConfiguration) -> Void = { _ in },
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let server = try await start(engine: engine, application: application, configure: configure)
        do {
            try await body(server)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    func connect() async throws -> SocketClient {
        try await SocketClient.connect(port: listener.port ?? 0, group: group)
    }

    func stop() async {
        await listener.close(gracePeriod: .milliseconds(200))
        try? await group.shutdownGracefully()
    }
}
