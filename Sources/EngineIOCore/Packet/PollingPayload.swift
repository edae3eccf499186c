// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The byte between two packets of one polling body (protocol 1.8.1).
private let recordSeparator: UInt8 = 0x1E

/// Reads the packets of one polling body, one at a time.
///
/// Packets before a bad one come out first; after an error or the last packet, `next` returns nil. Nothing is split or
/// checked ahead, so a body of a million separators costs no more than its first part.
package struct PollingPayloadDecoder {
    private var rest: ByteBuffer
    private var isFinished = false
    private var packetCount = 0
    private let maximumPackets: Int
    private let format: PollingFormat

    /// - Parameters:
    ///   - body: the whole body of the request; an empty one is one error, but for the binary form of revision 3.
    ///   - maximumPackets: how many packets it may hold.
    package init(body: ByteBuffer, maximumPackets: Int, format: PollingFormat = .separated) {
        self.rest = body
        self.maximumPackets = maximumPackets
        self.format = format
        if format == .measuredBinary, body.readableBytes == 0 { isFinished = true }
    }

    /// Whether anything is left, be it a packet or a fault.
    package var hasMore: Bool { !isFinished }

    /// The next packet, or nil at the end.
    package mutating func next() throws(EnginePacketError) -> EnginePacket? {
        guard !isFinished else { return nil }
        guard packetCount < maximumPackets else {
            isFinished = true
            throw .tooManyPackets(limit: maximumPackets)
        }
        packetCount += 1
        guard format == .separated else { return try nextMeasured() }
        let part = nextPart()
        let wasLast = isFinished
        isFinished = true
        guard UTF8Validator.isValid(part) else { throw .invalidUTF8 }
        let packet = try EnginePacketCodec.decodeText(part)
        isFinished = wasLast
        return packet
    }

    /// A packet of revision 3.
    @inline(never)
    private mutating func nextMeasured() throws(EnginePacketError) -> EnginePacket? {
        // An error ends it.
        isFinished = true
        var packet: EnginePacket?
        if format == .measuredBinary {
            packet = try Revision3Reader.nextBinary(&rest)
        } else {
            repeat {
                if let part = try Revision3Reader.nextText(&rest) {
                    packet = try Revision3Codec.decodeText(part)
                } else if rest.readableBytes > 0 {
                    // Packets without anything count as well.
                    packetCount += 1
                    guard packetCount <= maximumPackets else { throw .tooManyPackets(limit: maximumPackets) }
                }
            } while packet == nil && rest.readableBytes > 0
        }
        isFinished = rest.readableBytes == 0
        return packet
    }

    private mutating func nextPart() -> ByteBuffer {
        let length = rest.withUnsafeReadableBytes { $0.firstIndex(of: recordSeparator) }
        if let length, let part = rest.readSlice(length: length) {
            rest.moveReaderIndex(forwardBy: 1)
            return part
        }
        isFinished = true
        return rest
    }
}

/// Writes packets as one polling body.
package enum PollingPayloadEncoder {
    /// The body for `packets`, in a buffer reserved once with the exact size.
    package static func encode(
        _ packets: some Collection<OutboundPacket>, allocator: ByteBufferAllocator = ByteBufferAllocator()
    ) -> ByteBuffer {
        var length = packets.count - 1
        guard length >= 0 else { return ByteBuffer() }
        for packet in packets {
            length += EnginePacketCodec.pollingPartLength(packet.payloadLength, isBinary: packet.isBinary)
        }
        var body = allocator.buffer(capacity: length)
        for packet in packets { append(packet, to: &body) }
        return body
    }

    /// Appends a message to a body under construction.
    package static func append(_ message: OutboundMessage, to body: inout ByteBuffer) {
        append(message.head, to: &body)
        for attachment in message.attachments { append(attachment, to: &body) }
    }

    /// Appends one packet.
    package static func append(_ packet: OutboundPacket, to body: inout ByteBuffer) {
        packet.withPayload { append($0, isBinary: packet.isBinary, to: &body) }
    }

    /// The same for the payload of a packet, its type digit included. In a body that is not empty the separator comes first:
    /// no packet is empty.
    package static func append(_ payload: UnsafeRawBufferPointer, isBinary: Bool, to body: inout ByteBuffer) {
        let front = body.readableBytes == 0 ? 0 : 1
        let length = front + EnginePacketCodec.pollingPartLength(payload.count, isBinary: isBinary)
        body.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { target in
            if front == 1 { target[0] = recordSeparator }
            EnginePacketCodec.writePollingPart(
                payload, isBinary: isBinary, into: UnsafeMutableRawBufferPointer(rebasing: target[front..<length]))
            return length
        }
    }
}
