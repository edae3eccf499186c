// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

extension OutboundPacket {
    /// The same packet in memory of its own, so that no reference count is shared between event loops.
    package func copied(allocator: ByteBufferAllocator = ByteBufferAllocator()) -> OutboundPacket {
        var copy = allocator.buffer(capacity: frame.readableBytes)
        copy.writeImmutableBuffer(frame)
        return OutboundPacket(frame: copy, headerLength: headerLength, isBinary: isBinary)
    }
}

extension OutboundMessage {
    /// The same message in memory of its own.
    package func copied() -> OutboundMessage {
        OutboundMessage(head: head.copied(), attachments: attachments.map { $0.copied() }, compress: compress)
    }

    /// Bytes of all frames, which is what waiting for a client costs.
    package var frameBytes: Int {
        attachments.reduce(head.frame.readableBytes) { $0 + $1.frame.readableBytes }
    }
}
