// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import Logging
import LoopConfinement
import NIOCore
import NIOEmbedded
import Testing

@testable import EngineIOServer
@testable import SocketIOServer

/// A whole server on one event loop whose clock the test moves: time passes when the test says so and not otherwise, so a
/// deadline can be tested to the millisecond however slow the machine is.
///
/// The loop works on the thread that calls it. Tests that use this are therefore synchronous functions.
final class ManualServer {
    let loop = EmbeddedEventLoop()
    let io: Server
    private let router: HTTPRouter

    init(_ change: (inout ServerConfiguration) -> Void = { _ in }) throws {
        var configuration = ServerConfiguration()
        configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        configuration.engine.logger = configuration.logger
        configuration.engine.httpCompression = nil
        change(&configuration)
        try configuration.validate()
        io = Server(configuration: configuration, eventLoopGroup: loop)
        io.clients.start(context: io.context, table: io.table)
        router = try HTTPRouter(
            configuration: configuration.engine, engine: io.engineServer, application: nil, eventLoops: [loop])
    }

    var now: NIODeadline { loop.now }

    /// Lets time pass. What is due on the way happens at its time.
    func advance(_ time: TimeAmount) { loop.advanceTime(by: time) }

    func connect() throws -> ManualConnection { try ManualConnection(loop: loop, router: router) }

    /// The answer to a request on a connection of its own; nil while it is not answered.
    func answer(_ method: String, _ target: String, body: String = "") throws -> ManualConnection.Answer? {
        let connection = try connect()
        try connection.request(method, target, body: body)
        let answer = try connection.answer()
        if answer != nil { connection.close() }
        return answer
    }

    static let polling = "/socket.io/?EIO=4&transport=polling"
    static let webSocket = "/socket.io/?EIO=4&transport=websocket"

    /// Opens a session by polling.
    func openPolling() throws -> String {
        let answer = try #require(try answer("GET", Self.polling))
        #expect(answer.status == 200)
        return try ManualConnection.sid(in: answer.body)
    }

    func target(_ sid: String) -> String { Self.polling + "&sid=" + sid }

    /// Opens a session on WebSocket, without a namespace.
    func openWebSocket() throws -> ManualConnection {
        let connection = try connect()
        try connection.upgrade(Self.webSocket)
        _ = try ManualConnection.sid(in: try #require(try connection.text()))
        return connection
    }

    /// A client on WebSocket that has joined `/`, and its socket.
    func join() throws -> (client: ManualConnection, socket: Socket) {
        let client = try openWebSocket()
        try client.send(text: "40")
        let connected = try #require(try client.text())
        #expect(connected.hasPrefix("40{"))
        return (client, try #require(sockets.first { connected.contains($0.id) }))
    }

    /// The sockets of `/`.
    var sockets: [Socket] {
        io.sockets.local.shards[0].core.runIfHere { $0.sockets(BroadcastOptions()).compactMap(\.handle) } ?? []
    }

    var sessionCount: Int { io.engine.clientsCount }
}

/// One connection of a client to a ``ManualServer``: bytes in, bytes out.
final class ManualConnection {
    struct Answer {
        var status: Int
        var head: String
        var body: String

        func header(_ name: String) -> String? {
            head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
                .map { String($0.dropFirst(name.count + 2)) }
        }
    }

    private let channel: EmbeddedChannel
    private var received: [UInt8] = []

    init(loop: EmbeddedEventLoop, router: HTTPRouter) throws {
        channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandler(
            HTTPConnectionHandler(server: router.server, isSecure: false, connections: nil, eventLoop: loop))
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.7", port: 4711)).wait()
    }

    /// Whether the server keeps the connection open.
    var isOpen: Bool {
        channel.embeddedEventLoop.run()
        return channel.isActive
    }

    func close() {
        guard channel.isActive else { return }
        channel.close(promise: nil)
        channel.embeddedEventLoop.run()
    }

    func send(_ bytes: [UInt8]) throws {
        try #require(isOpen, "the server has closed the connection")
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        channel.embeddedEventLoop.run()
    }

    private func collect() throws {
        channel.embeddedEventLoop.run()
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { received += bytes.readableBytesView }
    }

    // MARK: HTTP

    func request(_ method: String, _ target: String, body: String = "") throws {
        let length = method == "POST" ? "Content-Length: \(body.utf8.count)\r\n" : ""
        try send(Array("\(method) \(target) HTTP/1.1\r\nHost: x\r\n\(length)\r\n\(body)".utf8))
    }

    /// The next answer, if it has come as a whole.
    func answer() throws -> Answer? {
        try collect()
        let end = Array("\r\n\r\n".utf8)
        guard let head = (0..<max(0, received.count - 3)).first(where: { received[$0..<($0 + 4)].elementsEqual(end) })
        else { return nil }
        var answer = Answer(
            status: 0, head: String(decoding: received[..<head], as: UTF8.self), body: "")
        answer.status = Int(answer.head.dropFirst(9).prefix(3)) ?? 0
        let length = answer.header("Content-Length").flatMap { Int($0) } ?? 0
        guard received.count >= head + 4 + length else { return nil }
        answer.body = String(decoding: received[(head + 4)..<(head + 4 + length)], as: UTF8.self)
        received.removeFirst(head + 4 + length)
        return answer
    }

    static func sid(in open: String) throws -> String {
        let match = try #require(open.firstMatch(of: /"sid":"([^"]+)"/), "\(open)")
        return String(match.1)
    }

    // MARK: WebSocket

    func upgrade(_ target: String) throws {
        try send(
            Array(
                ("GET \(target) HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").utf8))
        #expect(try answer()?.status == 101)
    }

    func send(text: String) throws { try send(frame: 1, Array(text.utf8)) }

    /// A masked frame of fewer than 126 bytes.
    func send(frame opcode: UInt8, _ payload: [UInt8]) throws {
        try send([0x80 | opcode, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload)
    }

    /// The next frame, if one has come.
    func frame() throws -> (opcode: UInt8, payload: [UInt8])? {
        try collect()
        guard received.count >= 2 else { return nil }
        let isLong = received[1] == 126
        let start = isLong ? 4 : 2
        guard received.count >= start, received[1] <= 126 else { return nil }
        let length = isLong ? Int(received[2]) << 8 | Int(received[3]) : Int(received[1])
        guard received.count >= start + length else { return nil }
        let frame = (received[0] & 0x0F, Array(received[start..<(start + length)]))
        received.removeFirst(start + length)
        return frame
    }

    /// The next text, if one has come.
    func text() throws -> String? {
        guard let frame = try frame() else { return nil }
        #expect(frame.opcode == 1, "\(frame)")
        return String(decoding: frame.payload, as: UTF8.self)
    }
}
