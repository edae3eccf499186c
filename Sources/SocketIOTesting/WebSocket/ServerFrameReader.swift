// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore

/// A message from the server over a WebSocket.
public enum WebSocketTestMessage: Sendable, Equatable {
    /// A text message.
    case text(String)
    /// A binary message.
    case binary([UInt8])
    /// A protocol ping.
    case ping([UInt8])
    /// A protocol pong.
    case pong([UInt8])
    /// A close frame; `code` is nil when it carried none.
    case close(code: UInt16?, reason: String)
}

/// Reads the server's frames and checks what a server owes (RFC 6455, 5).
package struct ServerFrameReader {
    private var bytes: [UInt8] = []
    private var position = 0
    private var fragments: (opcode: UInt8, payload: [UInt8])?
    private var isCompressed = false
    private var closed = false
    /// Nil when no compression has been agreed on.
    private let inflater: FrameInflater?

    /// - Parameter allowsCompression: the 101 said `permessage-deflate`.
    package init(allowsCompression: Bool = false) {
        inflater = allowsCompression ? FrameInflater() : nil
    }

    package mutating func receive(_ new: some Sequence<UInt8>) {
        if position > 0 {
            bytes.removeFirst(position)
            position = 0
        }
        bytes.append(contentsOf: new)
    }

    package mutating func next() throws -> WebSocketTestMessage? {
        while let frame = try nextFrame() {
            guard !closed else { throw TestClientError.protocolViolation("a frame after the close frame") }
            if frame.isCompressed, inflater == nil || !(1...2).contains(frame.opcode) {
                throw TestClientError.protocolViolation("reserved bits")
            }
            switch frame.opcode {
            case 0:
                guard var whole = fragments else {
                    throw TestClientError.protocolViolation("continuation of nothing")
                }
                whole.payload += frame.payload
                fragments = frame.isFinal ? nil : whole
                if frame.isFinal { return try message(whole.opcode, whole.payload) }
            case 1, 2:
                guard fragments == nil else {
                    throw TestClientError.protocolViolation("a message inside a fragmented one")
                }
                isCompressed = frame.isCompressed
                if frame.isFinal { return try message(frame.opcode, frame.payload) }
                fragments = (frame.opcode, frame.payload)
            case 8:
                closed = true
                guard frame.payload.count != 1 else { throw TestClientError.protocolViolation("close of one byte") }
                guard frame.payload.count >= 2 else { return .close(code: nil, reason: "") }
                let code = UInt16(frame.payload[0]) << 8 | UInt16(frame.payload[1])
                return .close(code: code, reason: try text(Array(frame.payload[2...])))
            case 9: return .ping(frame.payload)
            case 10: return .pong(frame.payload)
            default: throw TestClientError.protocolViolation("opcode \(frame.opcode)")
            }
        }
        return nil
    }

    private func message(_ opcode: UInt8, _ payload: [UInt8]) throws -> WebSocketTestMessage {
        var payload = payload
        if isCompressed, let inflater {
            // As much as the largest message a server may be configured for.
            let whole = try inflater.inflate(ByteBuffer(bytes: payload), limit: 1 << 30)
            payload = Array(whole.readableBytesView)
        }
        return opcode == 1 ? .text(try text(payload)) : .binary(payload)
    }

    private func text(_ bytes: [UInt8]) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw TestClientError.protocolViolation("text that is not UTF-8")
        }
        return text
    }

    private mutating func nextFrame() throws -> (isFinal: Bool, isCompressed: Bool, opcode: UInt8, payload: [UInt8])? {
        let available = bytes.count - position
        guard available >= 2 else { return nil }
        let first = bytes[position]
        let second = bytes[position + 1]
        guard first & 0x30 == 0 else { throw TestClientError.protocolViolation("reserved bits") }
        guard second & 0x80 == 0 else { throw TestClientError.protocolViolation("masked server frame") }
        let field = second < 126 ? 0 : second == 126 ? 2 : 8
        guard available >= 2 + field else { return nil }
        var length = UInt64(second)
        if field > 0 {
            length = 0
            for index in 0..<field { length = length << 8 | UInt64(bytes[position + 2 + index]) }
            guard length >= (field == 2 ? 126 : 65536) else {
                throw TestClientError.protocolViolation("length not in the shortest form")
            }
        }
        if first & 0x08 != 0, length > 125 || first & 0x80 == 0 {
            throw TestClientError.protocolViolation("control frame too long or fragmented")
        }
        guard let size = Int(exactly: length), available - 2 - field >= size else { return nil }
        let start = position + 2 + field
        position = start + size
        return (first & 0x80 != 0, first & 0x40 != 0, first & 0x0F, Array(bytes[start..<position]))
    }
}
