// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// What stands in front of a packet's JSON: the Engine.IO type `4`, then `type [attachments "-"] [nsp ","] [ackid]`.
struct PacketPrefix {
    let type: SocketPacketType
    let attachments: Int
    let nsp: String
    let id: Int?
    /// How many bytes it has.
    let length: Int

    init(type: SocketPacketType, attachments: Int, nsp: String, id: Int?) {
        self.type = type
        self.attachments = attachments
        self.nsp = nsp
        self.id = id
        var length = 2
        if type.hasAttachments { length += Self.digitCount(attachments) + 1 }
        if nsp != SocketPacket.mainNamespace { length += nsp.utf8.count + 1 }
        if let id { length += Self.digitCount(id) }
        self.length = length
    }

    /// An upper bound of `length` while the other parts are unknown.
    static func maximumLength(nsp: String) -> Int {
        2 + 2 * maximumDigits + 1 + nsp.utf8.count + 1
    }

    /// The finished packet with `json` behind this prefix. Bytes in front of the reader index of `json` are taken for free
    /// room; without enough of them the text is copied once.
    func packet(before json: consuming ByteBuffer) -> OutboundPacket {
        let payloadLength = length + json.readableBytes
        let start = json.readerIndex - length - OutboundPacket.headerLength(payloadLength: payloadLength)
        let headerLength: Int
        if start >= 0 {
            let end = json.writerIndex
            json.moveReaderIndex(to: start)
            json.moveWriterIndex(to: start)
            headerLength = OutboundPacket.writeHeader(opcode: 0x1, payloadLength: payloadLength, into: &json)
            write(into: &json)
            json.moveWriterIndex(to: end)
            return OutboundPacket(frame: json, headerLength: headerLength, isBinary: false)
        }
        var frame = ByteBuffer()
        frame.reserveCapacity(payloadLength + OutboundPacket.maximumHeaderLength)
        headerLength = OutboundPacket.writeHeader(opcode: 0x1, payloadLength: payloadLength, into: &frame)
        write(into: &frame)
        frame.writeImmutableBuffer(json)
        return OutboundPacket(frame: frame, headerLength: headerLength, isBinary: false)
    }

    private func write(into buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt8(ascii: "4"))
        buffer.writeInteger(type.digit)
        if type.hasAttachments {
            Self.write(attachments, into: &buffer)
            buffer.writeInteger(UInt8(ascii: "-"))
        }
        if nsp != SocketPacket.mainNamespace {
            buffer.writeString(nsp)
            buffer.writeInteger(UInt8(ascii: ","))
        }
        if let id { Self.write(id, into: &buffer) }
    }

    /// Digits of `Int64.min`, its sign included.
    private static let maximumDigits = 20

    private static func digitCount(_ value: Int) -> Int {
        var rest = value.magnitude
        var count = value < 0 ? 2 : 1
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }

    private static func write(_ value: Int, into buffer: inout ByteBuffer) {
        // No more room than the digits need: behind them the JSON may stand already.
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: digitCount(value)) { output in
            output.baseAddress.map { JSONText.writeDecimal(Int64(value), into: $0) } ?? 0
        }
    }
}
