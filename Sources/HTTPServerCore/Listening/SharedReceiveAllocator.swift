// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Has all connections of an event loop read into one buffer, which their handlers give back when they have seen the
/// bytes. NIO would keep one for each connection, which is a good part of what an idle one costs.
///
/// NIO stores the first buffer of a channel for good when only one may be stored, hence the small one, and takes every
/// other from here since no size is announced. To be used with `maxMessagesPerRead` 1, which is also the number of
/// stored buffers.
package struct SharedReceiveAllocator: RecvByteBufferAllocator {
    /// Bytes read at once.
    package static let capacity = 32 * 1024
    private static let firstCapacity = 16

    private let buffer: SpareBuffer
    private var hasRead = false

    init(_ buffer: SpareBuffer) { self.buffer = buffer }

    package func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        hasRead ? buffer.take(minimumCapacity: Self.capacity) : allocator.buffer(capacity: Self.firstCapacity)
    }

    /// - Returns: true, or the stored buffer would be used again.
    package mutating func record(actualReadBytes: Int) -> Bool {
        hasRead = true
        return true
    }

    /// Gives the channel its share. On its event loop, before it is active.
    package static func install(_ buffer: SpareBuffer, on channel: any Channel) throws {
        let options = channel.syncOptions
        try options?.setOption(.recvAllocator, value: SharedReceiveAllocator(buffer))
        try options?.setOption(.maxMessagesPerRead, value: 1)
    }
}
