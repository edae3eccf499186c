// Part of socketio-server, MIT licence; see LICENSE.

import HTTPTesting
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix

@testable import HTTPServerCore

/// A service that answers with what a test wants, and remembers its exchanges. With an application, that answers what is not below
/// `/socket.io/`.
final class ScriptedService: HTTPService {
    private let script: @Sendable (HTTPExchange) -> Void
    private let seen = NIOLockedValueBox<[HTTPExchange]>([])

    private let buffer: SpareBuffer?
    private let application: (any HTTPApplication)?
    /// What the connections have reported.
    let limits = NIOLockedValueBox<[HTTPLimit]>([])

    /// - Parameter buffer: what connections read into, on a server with one event loop.
    init(
        buffer: SpareBuffer? = nil, application: (any HTTPApplication)? = nil,
        _ script: @escaping @Sendable (HTTPExchange) -> Void = { $0.respond(.echo($0)) }
    ) {
        self.buffer = buffer
        self.application = application
        self.script = script
    }

    func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> SpareBuffer? { buffer }

    func exceeded(_ limit: HTTPLimit, by address: String, on eventLoop: any EventLoop) {
        limits.withLockedValue { $0.append(limit) }
    }

    var exchanges: [HTTPExchange] { seen.withLockedValue { $0 } }

    func handle(_ exchange: HTTPExchange) {
        if let application, !exchange.request.target.hasPrefix("/socket.io/") { return exchange.run(application) }
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
    let service: ScriptedService
    private var received = ""

    /// - Parameter below: what is to be between the handler and the channel.
    init(
        service: ScriptedService = ScriptedService(), isSecure: Bool = false,
        below: (any ChannelHandler)? = nil, configure: (inout HTTPServerConfiguration) -> Void = { _ in }
    ) throws {
        self.service = service
        var configuration = HTTPServerConfiguration()
        configure(&configuration)
        let server = HTTPServer(configuration: configuration, service: service)
        if let below { try channel.pipeline.syncOperations.addHandler(below) }
        try channel.pipeline.syncOperations.addHandler(
            HTTPConnectionHandler(server: server, isSecure: isSecure, connections: nil, eventLoop: channel.eventLoop))
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
        service: any HTTPService = ScriptedService(), threads: Int = 1,
        configure: (inout HTTPServerConfiguration) -> Void = { _ in }
    ) async throws -> TestServer {
        var configuration = HTTPServerConfiguration()
        configure(&configuration)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let server = HTTPServer(
            configuration: configuration, service: service, eventLoops: Array(group.makeIterator()))
        let listener = try await HTTPListener.bind(
            to: .tcp(host: "127.0.0.1", port: 0), group: group, server: server)
        return TestServer(group: group, listener: listener)
    }

    /// Runs `body` with a server and stops it afterwards.
    static func with(
        service: any HTTPService = ScriptedService(),
        configure: (inout HTTPServerConfiguration) -> Void = { _ in },
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let server = try await start(service: service, configure: configure)
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
