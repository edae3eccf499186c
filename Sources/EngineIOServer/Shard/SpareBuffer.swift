// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// A buffer that all connections of an event loop read into by turns, since what comes nearly always goes in one go. An idle
/// connection then holds none. Who needs it longer keeps it, and the others get a new one.
///
/// Confined to its event loop, which is why it may be `@unchecked Sendable`.
package final class SpareBuffer: @unchecked Sendable {
    // A value of another module that calls nothing back: overlapping access is not checked for.
    @exclusivity(unchecked)
    private var buffer = ByteBuffer()

    package init() {}

    /// The buffer, emptied: another one if somebody still holds what was in it.
    package func take(minimumCapacity: Int) -> ByteBuffer {
        var taken = ByteBuffer()
        swap(&taken, &buffer)
        taken.clear(minimumCapacity: minimumCapacity)
        return taken
    }

    /// For the next one. What is in it may still be held elsewhere.
    package func put(_ buffer: consuming ByteBuffer) { self.buffer = buffer }

    /// The same unless its memory is larger than `capacity`.
    package func put(_ buffer: consuming ByteBuffer, keeping capacity: Int) {
        if buffer.storageCapacity <= capacity { self.buffer = buffer }
    }
}
