// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// A buffer that all connections of an event loop use by turns, for what nearly always comes and goes in one go: bytes
/// read, a message put together. An idle connection then holds none. Who needs it longer keeps it, and the others get a
/// new one.
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

    /// Gives one's own buffer for this one: an empty one to take it, a full one to put it back. The cheapest way, since no
    /// reference is counted.
    @inline(__always)
    func exchange(_ other: inout ByteBuffer) { swap(&buffer, &other) }

    /// For the next one. What is in it may still be held elsewhere.
    package func put(_ buffer: consuming ByteBuffer) { self.buffer = buffer }
}
