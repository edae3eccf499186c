// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix

@testable import EngineIOServer

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

    func receiveBuffer(for eventLoop: any EventLoop) -> SpareBuffer? { buffer }

    var exchanges: [HTTPExchange] { seen.withLockedValue { $0 } }

    func handle(_ exchange: HTTPExchange) {
        seen.withLockedValue { $0.append(exchange) }
        script(exchange)
    }
}

extension EngineResponse {
    /// Method and target, for telling answers apart.
    static func echo(_ exchange: HTTPExchange) -> EngineResponse {
        text("\(exchange.request.method.rawValue) \(exchange.request.target)")
    }

    static func text(_ text: String, status: HTTPResponseStatus = .ok) -> EngineResponse {
        EngineResponse(status: status, headers: ["Content-Type": "text/plain"], body: ByteBuffer(string: text))
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
            HTTPConnectionHandler(router: router, isSecure: isSecure, connections: nil, eventLoop: channel.eventLoop))
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

extension String {
    /// The bodies of joined answers with `Content-Length`, with their status codes.
    func answers() -> [(status: Int, head: String, body: String)] {
        var result: [(Int, String, String)] = []
        var rest = self[...]
        while let end = rest.firstRange(ofText: "\r\n\r\n") {
            let head = String(rest[..<end.lowerBound])
            rest = rest[end.upperBound...]
            let status = Int(head.dropFirst(9).prefix(3)) ?? 0
            let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst(15).filter { $0 != " " }) }
            let body = String(decoding: rest.utf8.prefix(length ?? 0), as: UTF8.self)
            rest = rest[rest.utf8.index(rest.utf8.startIndex, offsetBy: body.utf8.count)...]
            result.append((status, head, body))
        }
        return result
    }
}

extension Substring {
    fileprivate func firstRange(ofText text: String) -> Range<Index>? {
        let pattern = Array(text.utf8)
        var index = utf8.startIndex
        while index != utf8.endIndex {
            if utf8[index...].starts(with: pattern) {
                return index..<utf8.index(index, offsetBy: pattern.count)
            }
            utf8.formIndex(after: &index)
        }
        return nil
    }
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
            to: .tcp(host: "127.0.0.1", port: 0), group: group, router: router)
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

/// A TCP client that collects what it receives.
final class SocketClient: Sendable {
    struct TimedOut: Error {
        var received: String
    }

    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let state = NIOLockedValueBox((bytes: ByteBuffer(), isClosed: false))

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            state.withLockedValue { _ = $0.bytes.writeBuffer(&bytes) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            state.withLockedValue { $0.isClosed = true }
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }

    let channel: any Channel
    private let collector: Collector

    private init(channel: any Channel, collector: Collector) {
        self.channel = channel
        self.collector = collector
    }

    static func connect(
        port: Int, group: any EventLoopGroup,
        handlers: @escaping @Sendable (any Channel) throws -> Void = { _ in }
    ) async throws -> SocketClient {
        let collector = Collector()
        let channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try handlers(channel)
                    try channel.pipeline.syncOperations.addHandler(collector)
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return SocketClient(channel: channel, collector: collector)
    }

    var received: String { collector.state.withLockedValue { String(buffer: $0.bytes) } }
    /// What `body` says of all bytes received. A buffer taken out of the lock would share its memory with the next read.
    func received<Result>(_ body: (ByteBufferView) -> Result) -> Result {
        collector.state.withLockedValue { body($0.bytes.readableBytesView) }
    }
    var isClosed: Bool { collector.state.withLockedValue { $0.isClosed } }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text))
    }

    /// Waits until `condition` holds for what has been received.
    func wait(
        seconds: Int = 5, for condition: @Sendable (_ received: String, _ isClosed: Bool) -> Bool
    ) async throws {
        guard await holdsSoon(seconds: seconds, { condition(received, isClosed) }) else {
            throw TimedOut(received: received)
        }
    }

    /// Waits for so many complete answers with `Content-Length`.
    func answers(_ count: Int) async throws -> [(status: Int, head: String, body: String)] {
        try await wait { received, _ in received.answers().count >= count }
        return received.answers()
    }

    func close() async throws {
        try await channel.close()
    }
}

/// Polls a condition until it holds or the time is over.
func holdsSoon(seconds: Int = 5, _ condition: () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !condition() {
        if ContinuousClock.now > deadline { return false }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return true
}
