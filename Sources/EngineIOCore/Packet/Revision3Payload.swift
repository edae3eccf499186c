// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// How the packets of one polling body are put together (protocol 1.8.1, 2.2, 2.3).
package enum PollingFormat: Sendable, Equatable {
    /// Revision 4: with a separator between packets.
    case separated
    /// Revision 3: each packet behind its length in UTF-16 code units.
    case measuredText
    /// Revision 3: each packet behind its kind and its length in bytes.
    case measuredBinary
}

/// Packets of revision 3, which differ from those of revision 4 in how they carry binary data (protocol 2.1).
package enum Revision3Codec {
    /// Reads a packet from its text form: binary data is `b`, the type digit and base64.
    package static func decodeText(_ payload: ByteBuffer) throws(EnginePacketError) -> EnginePacket {
        guard payload.readableBytesView.first == UInt8(ascii: "b") else {
            return try EnginePacketCodec.decodeText(payload)
        }
        var rest = payload
        rest.moveReaderIndex(forwardBy: 1)
        guard let digit = rest.readInteger(as: UInt8.self) else { throw .emptyPacket }
        return try packet(type: digit, Base64.decode(rest))
    }

    /// Reads a binary WebSocket message: the type as a number, then the data.
    package static func decodeBinary(_ payload: ByteBuffer) throws(EnginePacketError) -> EnginePacket {
        var data = payload
        guard let type = data.readInteger(as: UInt8.self) else { throw .emptyPacket }
        guard type <= 6 else { throw .unknownType(type) }
        return try packet(type: type + UInt8(ascii: "0"), data)
    }

    private static func packet(type digit: UInt8, _ data: ByteBuffer) throws(EnginePacketError) -> EnginePacket {
        switch digit {
        case EnginePacketCodec.messageType: return .message(.binary(data))
        case UInt8(ascii: "0"): return .open(data)
        case UInt8(ascii: "1"): return .close
        case UInt8(ascii: "2"): return .ping(data)
        case UInt8(ascii: "3"): return .pong(data)
        case UInt8(ascii: "5"): return .upgrade
        case UInt8(ascii: "6"): return .noop
        default: throw .unknownType(digit)
        }
    }

    /// How many UTF-16 code units valid UTF-8 has.
    static func units(_ text: UnsafeRawBufferPointer) -> Int {
        // Every byte that begins a character counts one, those that begin a pair of surrogates two.
        text.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : $1 >= 0xF0 ? 2 : 1) }
    }
}

/// The place of one packet in a body of revision 3.
struct Revision3Reader {
    /// Digits of a length.
    private static let maximumDigits = 10

    /// Moves over the next packet of a text body and returns it; nil for one without anything, which is passed over.
    static func nextText(_ rest: inout ByteBuffer) throws(EnginePacketError) -> ByteBuffer? {
        let length = try textLength(&rest)
        guard length > 0 else { return nil }
        let bytes = rest.withUnsafeReadableBytes { byteCount(of: length, in: $0) }
        guard let bytes, let part = rest.readSlice(length: bytes) else { throw .invalidLength }
        guard UTF8Validator.isValid(part) else { throw .invalidUTF8 }
        return part
    }

    private static func textLength(_ rest: inout ByteBuffer) throws(EnginePacketError) -> Int {
        var length = 0
        var digits = 0
        while let byte = rest.readInteger(as: UInt8.self) {
            if byte == UInt8(ascii: ":"), digits > 0 { return length }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits < maximumDigits else { break }
            length = length * 10 + Int(byte - UInt8(ascii: "0"))
            digits += 1
        }
        throw .invalidLength
    }

    /// How many bytes have so many UTF-16 code units; nil when there are not as many, or one would be cut in two.
    private static func byteCount(of units: Int, in bytes: UnsafeRawBufferPointer) -> Int? {
        var left = units
        var index = 0
        while left > 0 {
            guard index < bytes.count else { return nil }
            switch bytes[index] {
            case 0..<0x80: (index, left) = (index + 1, left - 1)
            case 0xC0..<0xE0: (index, left) = (index + 2, left - 1)
            case 0xE0..<0xF0: (index, left) = (index + 3, left - 1)
            case 0xF0...: (index, left) = (index + 4, left - 2)
            default: return nil
            }
        }
        return left == 0 && index <= bytes.count ? index : nil
    }

    /// Reads the next packet of a binary body.
    static func nextBinary(_ rest: inout ByteBuffer) throws(EnginePacketError) -> EnginePacket {
        guard let kind = rest.readInteger(as: UInt8.self) else { throw .emptyPacket }
        guard kind <= 1 else { throw .unknownType(kind) }
        var length = 0
        var digits = 0
        while true {
            guard let byte = rest.readInteger(as: UInt8.self) else { throw .invalidLength }
            if byte == 0xFF { break }
            guard byte <= 9, digits < maximumDigits else { throw .invalidLength }
            length = length * 10 + Int(byte)
            digits += 1
        }
        guard digits > 0, length > 0, let part = rest.readSlice(length: length) else { throw .invalidLength }
        if kind == 1 { return try Revision3Codec.decodeBinary(part) }
        guard UTF8Validator.isValid(part) else { throw .invalidUTF8 }
        return try Revision3Codec.decodeText(part)
    }
}

/// Writes packets as one polling body of revision 3.
package enum Revision3Encoder {
    /// The body for `packets`: the binary form when one of them has binary data and the client can take it.
    package static func encode(_ packets: [OutboundPacket], binary canBeBinary: Bool) -> (
        body: ByteBuffer, isBinary: Bool
    ) {
        let isBinary = canBeBinary && packets.contains(where: \.isBinary)
        var body = ByteBuffer()
        body.reserveCapacity(packets.reduce(0) { $0 + 16 + $1.payloadLength * ($1.isBinary && !isBinary ? 2 : 1) })
        for packet in packets {
            packet.withPayload { payload in
                if isBinary {
                    writeBinary(payload, isBinary: packet.isBinary, to: &body)
                } else {
                    writeText(payload, isBinary: packet.isBinary, to: &body)
                }
            }
        }
        // As Node has it; only a body without packets is empty.
        if packets.isEmpty { body.writeStaticString("0:") }
        return (body, isBinary)
    }

    private static func writeText(_ payload: UnsafeRawBufferPointer, isBinary: Bool, to body: inout ByteBuffer) {
        guard isBinary else {
            body.writeString("\(Revision3Codec.units(payload)):")
            body.writeBytes(payload)
            return
        }
        let length = Base64.encodedLength(payload.count)
        body.writeString("\(length + 2):b4")
        body.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { target in
            Base64.encode(payload, into: UnsafeMutableRawBufferPointer(rebasing: target[..<length]))
            return length
        }
    }

    private static func writeBinary(_ payload: UnsafeRawBufferPointer, isBinary: Bool, to body: inout ByteBuffer) {
        body.writeInteger(UInt8(isBinary ? 1 : 0))
        let length = payload.count + (isBinary ? 1 : 0)
        body.writeBytes(String(length).utf8.map { $0 - UInt8(ascii: "0") })
        body.writeInteger(UInt8(0xFF))
        // The type as a number.
        if isBinary { body.writeInteger(UInt8(4)) }
        body.writeBytes(payload)
    }
}

extension OutboundPacket {
    /// The packet as a WebSocket client of revision 3 gets it: binary data behind the number of its type, or as text when the
    /// client asked for base64 (protocol 2.4).
    package func inRevision3(base64: Bool) -> OutboundPacket {
        guard isBinary else { return self }
        guard base64 else {
            var payload = ByteBuffer()
            payload.reserveCapacity(payloadLength + 1)
            payload.writeInteger(UInt8(4))
            withPayload { _ = payload.writeBytes($0) }
            return .binary(payload)
        }
        var part = ByteBuffer()
        EnginePacketCodec.appendPollingPart(self, to: &part)
        part.setInteger(EnginePacketCodec.messageType, at: part.readerIndex)
        return .text(type: UInt8(ascii: "b"), payload: part)
    }
}
