// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// The byte between two packets of one polling body (spec 1.8.1).
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

    /// - Parameters:
    ///   - body: the whole body of the request; an empty one is one error.
    ///   - maximumPackets: how many packets it may hold.
    package init(body: ByteBuffer, maximumPackets: Int) {
        self.rest = body
        self.maximumPackets = maximumPackets
    }

    /// The next packet, or nil at the end.
    package mutating func next() throws(EnginePacketError) -> EnginePacket? {
        guard !isFinished else { return nil }
        guard packetCount < maximumPackets else {
            isFinished = true
            throw .tooManyPackets(limit: maximumPackets)
        }
        packetCount += 1
        let part = nextPart()
        let wasLast = isFinished
        isFinished = true
        guard UTF8Validator.isValid(part) else { throw .invalidUTF8 }
        let packet = try EnginePacketCodec.decodeText(part)
        isFinished = wasLast
        return packet
    }

    private mutating func nextPart() -> ByteBuffer {
        let view = rest.readableBytesView
        if let separator = view.firstIndex(of: recordSeparator),
            let part = rest.readSlice(length: separator - view.startIndex)
        {
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
        for packet in packets { length += EnginePacketCodec.pollingPartLength(packet) }
        var body = allocator.buffer(capacity: length)
        var isFirst = true
        for packet in packets {
            append(packet, isFirst: isFirst, to: &body)
            isFirst = false
        }
        return body
    }

    /// Appends one packet to a body under construction, with the separator unless it is the first.
    package static func append(_ packet: OutboundPacket, isFirst: Bool, to body: inout ByteBuffer) {
        if !isFirst { body.writeInteger(recordSeparator) }
        EnginePacketCodec.appendPollingPart(packet, to: &body)
    }
}
