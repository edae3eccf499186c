// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// A buffer that all connections of an event loop read into by turns, since what comes nearly always goes in one go. An idle
/// connection then holds none. Who needs it longer keeps it, and the others get a new one.
///
/// The proof for `@unchecked Sendable`, which NIO asks of an allocator: three have a reference, the shard of the event loop
/// or the settings of its HTTP connections, both of which live there; the handler of a channel of that loop; and the channel's
/// allocator (``SharedReceiveAllocator``), which NIO asks when it reads. All of them use it on that loop.
///
/// Its methods are `@inlinable`: WebSockets and polling bodies, in another module, use them for each message.
package final class SpareBuffer: @unchecked Sendable {
    // A value of another module that calls nothing back: overlapping access is not checked for.
    @exclusivity(unchecked)
    @usableFromInline var buffer: ByteBuffer?

    @inlinable
    package init() {}

    /// The buffer, emptied: another one if somebody still holds what was in it.
    @inlinable
    package func take(minimumCapacity: Int) -> ByteBuffer {
        guard var taken = exchange(&buffer, with: nil) else {
            return ByteBufferAllocator().buffer(capacity: minimumCapacity)
        }
        // `clear` would look into the memory's object, and an access to that has its price.
        let isOurs: Void? = taken.modifyIfUniquelyOwned { buffer in
            buffer.moveReaderIndex(to: 0)
            buffer.moveWriterIndex(to: 0)
        }
        if isOurs == nil || taken.capacity < minimumCapacity { taken.clear(minimumCapacity: minimumCapacity) }
        return taken
    }

    /// For the next one. What is in it may still be held elsewhere.
    @inlinable
    package func put(_ buffer: consuming ByteBuffer) { self.buffer = buffer }

    /// The same unless its memory is larger than `capacity`.
    @inlinable
    package func put(_ buffer: consuming ByteBuffer, keeping capacity: Int) {
        if buffer.storageCapacity <= capacity { self.buffer = buffer }
    }
}
