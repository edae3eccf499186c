// Part of socketio-server, MIT licence; see LICENSE.

/// One WebSocket frame from the client, right or wrong (RFC 6455, 5.2).
public struct ClientFrame: Sendable {
    /// The four bits that say what a frame is.
    public struct Opcode: RawRepresentable, Sendable, Hashable {
        /// The value on the wire; only its low four bits are sent.
        public var rawValue: UInt8

        /// Any opcode, reserved ones included.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Continues a fragmented message.
        public static let continuation = Opcode(rawValue: 0)
        /// Text.
        public static let text = Opcode(rawValue: 1)
        /// Binary.
        public static let binary = Opcode(rawValue: 2)
        /// Close.
        public static let close = Opcode(rawValue: 8)
        /// Ping.
        public static let ping = Opcode(rawValue: 9)
        /// Pong.
        public static let pong = Opcode(rawValue: 10)
    }

    /// Whether this is the last fragment; default true.
    public var isFinal: Bool
    /// The three reserved bits, as a number 0...7; default 0.
    public var reserved: UInt8
    /// What the frame is.
    public var opcode: Opcode
    /// The masking key; nil sends the frame unmasked, which clients must not.
    public var maskingKey: [UInt8]?
    /// The payload before masking.
    public var payload: [UInt8]
    /// The length written into the header when it shall differ from the payload's; default nil.
    public var announcedLength: UInt64?
    /// Forces the 16-bit (2) or 64-bit (8) length field; default the shortest.
    public var lengthBytes: Int?

    /// A frame, masked with a random key by default.
    public init(
        opcode: Opcode, payload: [UInt8] = [], isFinal: Bool = true, reserved: UInt8 = 0, masked: Bool = true,
        announcedLength: UInt64? = nil, lengthBytes: Int? = nil
    ) {
        self.opcode = opcode
        self.payload = payload
        self.isFinal = isFinal
        self.reserved = reserved
        self.maskingKey = masked ? (0..<4).map { _ in UInt8.random(in: 0...255) } : nil
        self.announcedLength = announcedLength
        self.lengthBytes = lengthBytes
    }

    /// A whole text message.
    public static func text(_ text: String) -> ClientFrame { ClientFrame(opcode: .text, payload: Array(text.utf8)) }

    /// A whole binary message.
    public static func binary(_ bytes: [UInt8]) -> ClientFrame { ClientFrame(opcode: .binary, payload: bytes) }

    /// A close frame.
    public static func close(_ code: UInt16? = nil, _ reason: String = "") -> ClientFrame {
        let payload = code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] + Array(reason.utf8) } ?? []
        return ClientFrame(opcode: .close, payload: payload)
    }

    /// The bytes of the frame.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | (reserved & 7) << 4 | opcode.rawValue & 0x0F]
        let length = announcedLength ?? UInt64(payload.count)
        let mask: UInt8 = maskingKey == nil ? 0 : 0x80
        let field = lengthBytes ?? (length < 126 ? 0 : length < 65536 ? 2 : 8)
        switch field {
        case 0: bytes.append(mask | UInt8(truncatingIfNeeded: length))
        case 2: bytes.append(mask | 126)
        default: bytes.append(mask | 127)
        }
        for index in stride(from: field - 1, through: 0, by: -1) {
            bytes.append(UInt8(truncatingIfNeeded: length >> UInt64(index * 8)))
        }
        guard let key = maskingKey, key.count == 4 else { return bytes + payload }
        bytes.append(contentsOf: key)
        bytes.reserveCapacity(bytes.count + payload.count)
        for (index, byte) in payload.enumerated() { bytes.append(byte ^ key[index & 3]) }
        return bytes
    }
}
