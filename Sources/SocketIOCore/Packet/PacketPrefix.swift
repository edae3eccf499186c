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
        self.length =
            Self.length(nsp: nsp, id: id) + (type.hasAttachments ? Self.digitCount(attachments) + 1 : 0)
    }

    /// The length for a packet without attachments.
    static func length(nsp: String, id: Int?) -> Int {
        var length = 2
        if !SocketPacket.isMain(nsp) { length += nsp.utf8.count + 1 }
        if let id { length += digitCount(id) }
        return length
    }

    /// The most bytes of `length(nsp:id:)`: counting the digits costs as much as writing them.
    static func bound(nsp: String) -> Int { length(nsp: nsp, id: nil) + maximumDigits }

    /// An upper bound of `length` while the other parts are unknown.
    static func maximumLength(nsp: String) -> Int {
        2 + 2 * maximumDigits + 1 + nsp.utf8.count + 1
    }

    /// The finished packet with `json` behind this prefix. Bytes in front of the reader index of `json` are taken for free
    /// room; without enough of them the text is copied once.
    func packet(before json: consuming ByteBuffer) -> OutboundPacket {
        let payloadLength = length + json.readableBytes
        let headerLength = OutboundPacket.headerLength(payloadLength: payloadLength)
        let start = json.readerIndex - length - headerLength
        if start >= 0 {
            // The text's own buffer, not another name for it: with two owners the next write would copy it.
            json.moveReaderIndex(to: start)
            fill(&json, headerLength: headerLength, payloadLength: payloadLength)
            return OutboundPacket(frame: json, headerLength: headerLength, isBinary: false)
        }
        var frame = ByteBufferAllocator().buffer(capacity: headerLength + payloadLength)
        frame.moveWriterIndex(to: headerLength + length)
        frame.writeImmutableBuffer(json)
        fill(&frame, headerLength: headerLength, payloadLength: payloadLength)
        return OutboundPacket(frame: frame, headerLength: headerLength, isBinary: false)
    }

    /// Puts the header and this prefix at the start of `frame`: made aside and put in at once, because every access to a
    /// buffer has its price.
    private func fill(_ frame: inout ByteBuffer, headerLength: Int, payloadLength: Int) {
        withUnsafeTemporaryAllocation(byteCount: headerLength + length, alignment: 8) { bytes in
            _ = OutboundPacket.writeHeader(opcode: 0x1, payloadLength: payloadLength, into: bytes)
            write(into: UnsafeMutableRawBufferPointer(rebasing: bytes[headerLength...]))
            frame.setBytes(UnsafeRawBufferPointer(bytes), at: frame.readerIndex)
        }
    }

    /// Fills `output`, which has `length` bytes.
    private func write(into output: UnsafeMutableRawBufferPointer) {
        _ = Self.write(type, attachments: attachments, nsp: nsp, id: id, into: output)
    }

    /// Writes the prefix and returns its length. A value of this type would count references.
    static func write(
        _ type: SocketPacketType, attachments: Int = 0, nsp: String, id: Int?,
        into output: UnsafeMutableRawBufferPointer
    ) -> Int {
        output[0] = UInt8(ascii: "4")
        output[1] = type.digit
        var end = 2
        if type.hasAttachments {
            end += write(attachments, into: output, at: end)
            output[end] = UInt8(ascii: "-")
            end += 1
        }
        if !SocketPacket.isMain(nsp) {
            for byte in nsp.utf8 {
                output[end] = byte
                end += 1
            }
            output[end] = UInt8(ascii: ",")
            end += 1
        }
        if let id { end += write(id, into: output, at: end) }
        return end
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

    private static func write(_ value: Int, into output: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        JSONText.writeDecimal(Int64(value), into: UnsafeMutableRawBufferPointer(rebasing: output[offset...]))
    }
}
