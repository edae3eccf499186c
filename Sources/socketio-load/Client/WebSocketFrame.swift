// Part of socketio-server, MIT licence; see LICENSE.

/// WebSocket frames as a client reads and writes them (RFC 6455, section 5).
enum WebSocketFrame {
    static let text: UInt8 = 1
    static let close: UInt8 = 8
    static let ping: UInt8 = 9
    static let pong: UInt8 = 10

    /// The key of all handshakes, the example of the RFC; so the answer is known without SHA-1.
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    /// Head of a frame from the server.
    struct Head: Equatable {
        var isFinal: Bool
        var opcode: UInt8
        var headLength: Int
        var payloadLength: Int
    }

    enum ReadResult: Equatable {
        case incomplete
        case frame(Head)
        /// Masked, with reserved bits, or too long.
        case invalid
    }

    /// Longest payload taken from a server.
    static let payloadLimit = 64 << 20

    static func readHead(_ bytes: UnsafeBufferPointer<UInt8>) -> ReadResult {
        guard bytes.count >= 2 else { return .incomplete }
        guard bytes[0] & 0x70 == 0, bytes[1] & 0x80 == 0 else { return .invalid }
        var headLength = 2
        var payloadLength = UInt64(bytes[1])
        if payloadLength == 126 {
            headLength = 4
        } else if payloadLength == 127 {
            headLength = 10
        }
        guard bytes.count >= headLength else { return .incomplete }
        if headLength > 2 {
            payloadLength = bytes[2..<headLength].reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard payloadLength <= payloadLimit else { return .invalid }
        return .frame(
            Head(
                isFinal: bytes[0] & 0x80 != 0, opcode: bytes[0] & 15, headLength: headLength,
                payloadLength: Int(payloadLength)))
    }

    /// Appends a masked frame.
    static func append(
        _ payload: UnsafeRawBufferPointer, opcode: UInt8, mask: UInt32, to target: inout [UInt8]
    ) {
        target.append(0x80 | opcode)
        let count = payload.count
        if count < 126 {
            target.append(0x80 | UInt8(count))
        } else if count <= 0xFFFF {
            target.append(0x80 | 126)
            appendBigEndian(UInt64(count), bytes: 2, to: &target)
        } else {
            target.append(0x80 | 127)
            appendBigEndian(UInt64(count), bytes: 8, to: &target)
        }
        withUnsafeBytes(of: mask) { target.append(contentsOf: $0) }
        let start = target.count
        target.append(contentsOf: payload)
        target.withUnsafeMutableBytes { bytes in
            apply(mask, to: UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
        }
    }

    private static func apply(_ mask: UInt32, to bytes: UnsafeMutableRawBufferPointer) {
        let wide = UInt64(mask) << 32 | UInt64(mask)
        var index = 0
        while index + 8 <= bytes.count {
            let value = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            bytes.storeBytes(of: value ^ wide, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        withUnsafeBytes(of: mask) { mask in
            while index < bytes.count {
                bytes[index] ^= mask[index & 3]
                index += 1
            }
        }
    }

    private static func appendBigEndian(_ value: UInt64, bytes: Int, to target: inout [UInt8]) {
        for shift in stride(from: (bytes - 1) * 8, through: 0, by: -8) {
            target.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }
}
