// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import NIOCore
internal import NIOPosix

/// What a test on the wire can trip over.
enum WireError: Error {
    case timedOut(String)
    case closed(String)
    case malformed(String)
}

/// A raw TCP client: sends bytes, waits for bytes, knows when the server has closed. All state lives on its loop.
final class SessionWire: @unchecked Sendable {
    struct Response: Sendable {
        var status: Int
        var headers: [(String, String)]
        var body: String
        func header(_ name: String) -> String? {
            headers.first { $0.0.lowercased() == name.lowercased() }?.1
        }
    }

    struct Frame: Sendable, Equatable {
        var opcode: UInt8
        var payload: [UInt8]
        /// The first reserved bit.
        var isCompressed = false
        var text: String { String(decoding: payload, as: UTF8.self) }
    }

    private final class Collector: ChannelInboundHandler, @unchecked Sendable {
        typealias InboundIn = ByteBuffer
        var buffer = ByteBuffer()
        var isClosed = false
        var waiter: (() -> Void)?
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            buffer.writeBuffer(&bytes)
            waiter?()
        }
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard let event = event as? ChannelEvent, event == .inputClosed else { return }
            isClosed = true
            waiter?()
        }
        func channelInactive(context: ChannelHandlerContext) {
            isClosed = true
            waiter?()
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    let channel: any Channel
    private let collector: Collector

    private init(channel: any Channel, collector: Collector) {
        self.channel = channel
        self.collector = collector
    }

    static func connect(
        port: Int, receiveBuffer: Int? = nil, prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in }
    ) async throws -> SessionWire {
        let collector = Collector()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try prepare(channel)
                    try channel.pipeline.syncOperations.addHandler(collector)
                }
            }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: SocketOptionValue(receiveBuffer))
        }
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
        return SessionWire(channel: channel, collector: collector)
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }

    func close() { channel.close(promise: nil) }

    /// Stops or resumes reading.
    func setReading(_ value: Bool) async throws { try await channel.setOption(.autoRead, value: value).get() }

    /// Waits until `take` finds what it looks for at the front of what has arrived.
    func receive<T: Sendable>(
        _ what: String, within time: TimeAmount = .seconds(30),
        _ take: @escaping @Sendable (inout ByteBuffer) throws -> T?
    ) async throws -> T {
        let promise = channel.eventLoop.makePromise(of: T.self)
        channel.eventLoop.execute { [self] in
            var isDone = false
            let finish: (Result<T, any Error>) -> Void = { [collector] result in
                guard !isDone else { return }
                isDone = true
                collector.waiter = nil
                promise.completeWith(result)
            }
            let look = { [collector] in
                do {
                    if let value = try take(&collector.buffer) { return finish(.success(value)) }
                    if collector.isClosed { finish(.failure(WireError.closed(what))) }
                } catch {
                    finish(.failure(error))
                }
            }
            collector.waiter = look
            let bound = NIOLoopBound(finish, eventLoop: channel.eventLoop)
            let timer = channel.eventLoop.scheduleTask(in: time) {
                bound.value(.failure(WireError.timedOut(what)))
            }
            promise.futureResult.whenComplete { _ in timer.cancel() }
            look()
        }
        return try await promise.futureResult.get()
    }

    /// Waits for the end of the stream; what arrived before is returned.
    func receiveEnd(within time: TimeAmount = .seconds(30)) async throws -> [UInt8] {
        let promise = channel.eventLoop.makePromise(of: [UInt8].self)
        channel.eventLoop.execute { [self] in
            let look = { [collector] in
                guard collector.isClosed else { return }
                collector.waiter = nil
                promise.succeed(Array(collector.buffer.readableBytesView))
            }
            collector.waiter = look
            let timer = channel.eventLoop.scheduleTask(in: time) { promise.fail(WireError.timedOut("end")) }
            promise.futureResult.whenComplete { _ in timer.cancel() }
            look()
        }
        return try await promise.futureResult.get()
    }

    // MARK: HTTP

    func response(within time: TimeAmount = .seconds(30)) async throws -> Response {
        try await receive("response", within: time) { buffer in
            guard
                let head = buffer.withUnsafeReadableBytes({ bytes -> Int? in
                    let end = Array("\r\n\r\n".utf8)
                    guard bytes.count >= 4 else { return nil }
                    return (0...(bytes.count - 4)).first { at in (0..<4).allSatisfy { bytes[at + $0] == end[$0] } }
                })
            else { return nil }
            let text = buffer.getString(at: buffer.readerIndex, length: head) ?? ""
            var lines = text.components(separatedBy: "\r\n")
            let status = lines.removeFirst().split(separator: " ")
            guard status.count >= 2, let code = Int(status[1]) else { throw WireError.malformed(text) }
            let headers = lines.map { line -> (String, String) in
                let parts = line.split(separator: ":", maxSplits: 1)
                return (String(parts[0]), parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : "")
            }
            let length = headers.first { $0.0.lowercased() == "content-length" }.flatMap { Int($0.1) } ?? 0
            guard buffer.readableBytes >= head + 4 + length else { return nil }
            buffer.moveReaderIndex(forwardBy: head + 4)
            let body = buffer.readBytes(length: length) ?? []
            return Response(status: code, headers: headers, body: String(decoding: body, as: UTF8.self))
        }
    }

    /// The body of the next response, unpacked if it was packed.
    func unpackedBody() async throws -> String {
        let (isPacked, bytes) = try await receive("response") { buffer -> (Bool, [UInt8])? in
            let end = Array("\r\n\r\n".utf8)
            guard let headEnd = buffer.readableBytesView.firstRange(of: end)?.lowerBound else { return nil }
            let head = String(decoding: buffer.readableBytesView[..<headEnd], as: UTF8.self)
            let fields = head.components(separatedBy: "\r\n").map { $0.components(separatedBy: ": ") }
            let length = fields.first { $0[0] == "Content-Length" }.flatMap { Int($0[1]) } ?? 0
            let start = headEnd - buffer.readerIndex + end.count
            guard buffer.readableBytes >= start + length else { return nil }
            buffer.moveReaderIndex(forwardBy: start)
            return (fields.contains { $0[0] == "Content-Encoding" }, buffer.readBytes(length: length) ?? [])
        }
        let body = isPacked ? try Inflate.whole(ByteBuffer(bytes: bytes)) : ByteBuffer(bytes: bytes)
        return String(buffer: body)
    }

    func get(_ target: String, headers: String = "") async throws -> Response {
        try await send("GET \(target) HTTP/1.1\r\nHost: x\r\n\(headers)\r\n")
        return try await response()
    }

    func sendPost(_ target: String, _ body: String, headers: String = "") async throws {
        try await send(
            "POST \(target) HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain;charset=UTF-8\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    func post(_ target: String, _ body: String, headers: String = "") async throws -> Response {
        try await sendPost(target, body, headers: headers)
        return try await response()
    }

    // MARK: WebSocket

    static func upgradeRequest(_ target: String, headers: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(headers)\r\n"
    }

    func upgrade(_ target: String, headers: String = "") async throws -> Response {
        try await send(Self.upgradeRequest(target, headers: headers))
        return try await response()
    }

    static func frame(
        opcode: UInt8 = 1, _ payload: [UInt8], isFinal: Bool = true, isCompressed: Bool = false
    ) -> [UInt8] {
        let mask: [UInt8] = [0x11, 0x22, 0x33, 0x44]
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode]
        switch payload.count {
        case ..<126: bytes.append(0x80 | UInt8(payload.count))
        case ..<65536: bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: bytes += [0x80 | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }

    static func text(_ text: String) -> [UInt8] { frame(Array(text.utf8)) }

    func sendText(_ text: String) async throws { try await send(Self.text(text)) }

    func frame(within time: TimeAmount = .seconds(30)) async throws -> Frame {
        try await receive("frame", within: time) { try Self.takeFrame(&$0) }
    }

    func text(within time: TimeAmount = .seconds(30)) async throws -> String {
        let frame = try await frame(within: time)
        guard frame.opcode == 1 else { throw WireError.malformed("opcode \(frame.opcode)") }
        return frame.text
    }

    private static func takeFrame(_ buffer: inout ByteBuffer) throws -> Frame? {
        var copy = buffer
        guard let first = copy.readInteger(as: UInt8.self), let second = copy.readInteger(as: UInt8.self) else {
            return nil
        }
        guard first & 0x80 != 0, second & 0x80 == 0 else { throw WireError.malformed("frame header") }
        var length = Int(second)
        if length == 126 {
            guard let long = copy.readInteger(as: UInt16.self) else { return nil }
            length = Int(long)
        } else if length == 127 {
            guard let long = copy.readInteger(as: UInt64.self) else { return nil }
            length = Int(long)
        }
        guard let payload = copy.readBytes(length: length) else { return nil }
        buffer = copy
        return Frame(opcode: first & 0x0F, payload: payload, isCompressed: first & 0x40 != 0)
    }
}
