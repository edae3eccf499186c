// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The messages of a namespace that this node has published and not read back yet, in their order: they are delivered here
/// when they have their place in the order of all nodes.
///
/// When Redis is lost, nobody knows when that will be: they are delivered at once, in their order and before later ones, and passed
/// over when they are read in the end. Lives on the bus's event loop.
final class OwnMessages {
    private struct Entry {
        let payload: ByteBuffer
        let deliver: @Sendable () -> Void
    }

    private var pending = CircularBuffer<Entry>()
    /// Delivered before they were read.
    private var early = CircularBuffer<ByteBuffer>()

    /// Delivered early and never read: what Redis has never got stays in the list until something later is read.
    private static let maximumEarly = 10_000

    /// A message is about to be published.
    func add(_ payload: ByteBuffer, _ deliver: @escaping @Sendable () -> Void) {
        pending.append(Entry(payload: payload, deliver: deliver))
    }

    /// A message has been read. Returns whether it has been delivered already.
    func read(_ payload: ByteBuffer) -> Bool {
        if let index = early.firstIndex(of: payload) {
            early.removeFirst(early.distance(from: early.startIndex, to: index) + 1)
            return true
        }
        // Those before it have been lost, and are told of.
        if let index = pending.firstIndex(where: { $0.payload == payload }) { pending.remove(at: index) }
        return false
    }

    /// A message will never be read: it is delivered now, unless it has been.
    func lost(_ payload: ByteBuffer) {
        guard let index = pending.firstIndex(where: { $0.payload == payload }) else { return }
        pending.remove(at: index).deliver()
    }

    /// Redis cannot be reached.
    func linkLost() {
        while let entry = pending.popFirst() {
            early.append(entry.payload)
            entry.deliver()
        }
        while early.count > Self.maximumEarly { early.removeFirst() }
    }
}
