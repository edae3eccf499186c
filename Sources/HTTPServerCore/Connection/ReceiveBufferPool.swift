// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// A buffer that all connections of an event loop read into by turns. Nearly all data is processed at once, so an idle
/// connection holds no buffer. A connection that needs its bytes longer keeps the buffer, and the others get a new one.
///
/// The proof for `@unchecked Sendable`, which NIO requires of an allocator: three kinds of objects have a reference:
/// the shard of the event loop or the settings of its HTTP connections, both of which live there; the handler of a
/// channel of that loop; and the channel's allocator (``SharedReceiveAllocator``), which NIO calls when it reads. All
/// of them use it on that loop.
///
/// Its methods are `@inlinable`, because WebSockets and polling bodies, which are in another module, call them for each
/// message.
package final class ReceiveBufferPool: @unchecked Sendable {
    // This is a value of another module that calls nothing back, so overlapping access is not checked for.
    @exclusivity(unchecked)
    @usableFromInline var buffer: ByteBuffer?

    @inlinable
    package init() {}

    /// The buffer, emptied; a new one if something still holds its bytes.
    @inlinable
    package func take(minimumCapacity: Int) -> ByteBuffer {
        guard var taken = exchange(&buffer, with: nil) else {
            return ByteBufferAllocator().buffer(capacity: minimumCapacity)
        }
        // `clear` would read the memory's object, and that access costs time.
        let isOurs: Void? = taken.modifyIfUniquelyOwned { buffer in
            buffer.moveReaderIndex(to: 0)
            buffer.moveWriterIndex(to: 0)
        }
        if isOurs == nil || taken.capacity < minimumCapacity { taken.clear(minimumCapacity: minimumCapacity) }
        return taken
    }

    /// Gives the buffer back for the next user. Something else may still hold its bytes.
    @inlinable
    package func put(_ buffer: consuming ByteBuffer) { self.buffer = buffer }

    /// Gives the buffer back unless its memory is larger than `capacity`.
    @inlinable
    package func put(_ buffer: consuming ByteBuffer, keeping capacity: Int) {
        if buffer.storageCapacity <= capacity { self.buffer = buffer }
    }
}
