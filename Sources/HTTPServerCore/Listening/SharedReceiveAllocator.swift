// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Makes all connections of an event loop read into one buffer, which their handlers give back when they have processed
/// the bytes. NIO would keep one for each connection, a large part of the memory of an idle one.
///
/// When only one buffer may be stored, NIO stores the first one of a channel for good, so the first one is small. NIO
/// asks this allocator for every other buffer, because it announces no size. To be used with `maxMessagesPerRead` 1,
/// which is also the number of stored buffers.
package struct SharedReceiveAllocator: RecvByteBufferAllocator {
    /// The most bytes of one read.
    package static let capacity = 32 * 1024
    private static let firstCapacity = 16

    private let buffer: ReceiveBufferPool
    private var hasRead = false

    init(_ buffer: ReceiveBufferPool) { self.buffer = buffer }

    package func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        hasRead ? buffer.take(minimumCapacity: Self.capacity) : allocator.buffer(capacity: Self.firstCapacity)
    }

    /// - Returns: Always true; otherwise NIO would use the stored buffer again.
    package mutating func record(actualReadBytes: Int) -> Bool {
        hasRead = true
        return true
    }

    /// Makes the channel read into the shared buffer. On its event loop, before it is active.
    package static func install(_ buffer: ReceiveBufferPool, on channel: any Channel) throws {
        let options = channel.syncOptions
        try options?.setOption(.recvAllocator, value: SharedReceiveAllocator(buffer))
        try options?.setOption(.maxMessagesPerRead, value: 1)
    }
}
