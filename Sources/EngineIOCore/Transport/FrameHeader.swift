// Part of socketio-server, MIT licence; see LICENSE.

/// The header of one client frame (RFC 6455, section 5.2), read from any split of its bytes.
///
/// Every rule is checked with the byte that can break it, before the rest of the header has arrived.
struct FrameHeader: Sendable {
    private enum Stage: UInt8 {
        case opcode
        case length
        case extendedLength
        case mask
        case complete
    }

    /// The first reserved bit: a message of `permessage-deflate`.
    static let compressed: UInt8 = 0x40

    static let continuation: UInt8 = 0x0
    static let text: UInt8 = 0x1
    static let binary: UInt8 = 0x2
    static let close: UInt8 = 0x8
    static let ping: UInt8 = 0x9
    static let pong: UInt8 = 0xA

    private var stage: Stage = .opcode
    /// Bytes still missing from the extended length or the mask.
    private var missing: UInt8 = 0
    private(set) var opcode: UInt8 = 0
    private(set) var isFinal = false
    /// This frame begins a compressed message.
    private(set) var isCompressed = false
    /// Length of the payload; within the caller's limit once the header is complete.
    private(set) var length: UInt64 = 0
    /// The masking key, first byte lowest.
    private(set) var maskingKey: UInt32 = 0

    var isComplete: Bool { stage == .complete }
    /// Nothing of it has been read.
    var isEmpty: Bool { stage == .opcode }
    var isControl: Bool { opcode & 0x8 != 0 }

    /// Reads header bytes from the front of `bytes` until the header is complete, and returns how many it took.
    /// - Parameters:
    ///   - isFragmented: whether a message is waiting for its continuation.
    ///   - room: how many bytes the message may still grow by; `limit` is for the error only.
    ///   - compressedRoom: how many bytes a message may have on the wire that begins here and is compressed; nil when
    ///     nothing has been agreed on about compression.
    mutating func read(
        _ bytes: UnsafeRawBufferPointer, isFragmented: Bool, room: Int, limit: Int, compressedRoom: Int?
    ) throws(WebSocketProtocolError) -> Int {
        var index = 0
        while index < bytes.count, stage != .complete {
            let byte = bytes[index]
            index += 1
            switch stage {
            case .opcode:
                try readOpcode(byte, isFragmented: isFragmented, allowsCompression: compressedRoom != nil)
            case .length:
                try readLength(byte)
                if missing == 0 { try checkLength(room: isCompressed ? compressedRoom ?? room : room, limit: limit) }
            case .extendedLength:
                length = length << 8 | UInt64(byte)
                missing -= 1
                if missing == 0 { try checkLength(room: isCompressed ? compressedRoom ?? room : room, limit: limit) }
            case .mask:
                maskingKey = maskingKey >> 8 | UInt32(byte) << 24
                missing -= 1
                if missing == 0 { stage = .complete }
            case .complete:
                break
            }
        }
        return index
    }

    private mutating func readOpcode(
        _ byte: UInt8, isFragmented: Bool, allowsCompression: Bool
    ) throws(WebSocketProtocolError) {
        if byte & 0x70 != 0 {
            // Only the first frame of a data message may say that it is compressed (RFC 7692, section 6.1).
            let isFirst = byte & 0x0F == Self.text || byte & 0x0F == Self.binary
            guard allowsCompression, isFirst, byte & 0x70 == Self.compressed else { throw .reservedBits }
            isCompressed = true
        }
        isFinal = byte & 0x80 != 0
        opcode = byte & 0x0F
        switch opcode {
        case Self.continuation: guard isFragmented else { throw .unexpectedContinuation }
        case Self.text, Self.binary: guard !isFragmented else { throw .expectedContinuation }
        case Self.close, Self.ping, Self.pong: guard isFinal else { throw .fragmentedControlFrame }
        default: throw .reservedOpcode(opcode)
        }
        stage = .length
    }

    private mutating func readLength(_ byte: UInt8) throws(WebSocketProtocolError) {
        guard byte & 0x80 != 0 else { throw .unmaskedFrame }
        let short = byte & 0x7F
        guard !isControl || short < 126 else { throw .controlFrameTooLong }
        length = short < 126 ? UInt64(short) : 0
        missing = short < 126 ? 0 : short == 126 ? 2 : 8
        stage = .extendedLength
    }

    /// The length is known. A set top bit is merely a length over every limit.
    private mutating func checkLength(room: Int, limit: Int) throws(WebSocketProtocolError) {
        guard isControl || length <= UInt64(max(0, room)) else { throw .messageTooLarge(limit: limit) }
        stage = .mask
        missing = 4
    }
}
