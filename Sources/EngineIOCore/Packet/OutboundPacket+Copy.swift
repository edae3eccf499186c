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
    package func copied() -> OutboundMessage { withPackets { $0.copied() } }

    /// The same message with each of its packets changed.
    package func withPackets(_ change: (OutboundPacket) -> OutboundPacket) -> OutboundMessage {
        var message = self
        message.head = change(head)
        message.attachments = attachments.map(change)
        return message
    }

    /// Bytes of all frames.
    package var frameBytes: Int {
        attachments.reduce(head.frame.readableBytes) { $0 + $1.frame.readableBytes }
    }

    /// The memory that all frames take. It is more than their bytes, because buffers have sizes that are powers of two;
    /// of large buffers only the pages that were written to count.
    package var memoryBytes: Int {
        attachments.reduce(head.frame.memoryBytes) { $0 + $1.frame.memoryBytes }
    }
}

extension ByteBuffer {
    /// The memory of the buffer that was written to.
    package var memoryBytes: Int {
        let page = 4096
        let (written, overflow) = (writerIndex | (page - 1)).addingReportingOverflow(1)
        return overflow ? storageCapacity : min(storageCapacity, written)
    }
}
