// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// What stands in front of a packet's JSON: the Engine.IO type `4`, then `type [attachments "-"] [nsp ","] [ackid]`.
struct PacketPrefix {
    let type: SocketPacketType
    let attachments: Int
    let nsp: String
    let id: Int?
    /// How many bytes `write` adds.
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

    func write(into buffer: inout ByteBuffer) {
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
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: maximumDigits) { output in
            JSONText.writeDecimal(Int64(value), into: output)
        }
    }
}
