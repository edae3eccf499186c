// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The messages of a namespace that this node has published and not read back yet, in order. The node delivers them
/// when it reads them, because only then do they have a place in the order of all nodes.
///
/// When Redis is lost, it is not known when that will be. The node then delivers them at once, in order and before
/// later ones, and skips them when it reads them in the end. Lives on the bus's event loop.
final class OwnMessages {
    private struct Entry {
        let payload: ByteBuffer
        let deliver: @Sendable () -> Void
    }

    private var pending = CircularBuffer<Entry>()
    /// Messages that were delivered before they were read.
    private var early = CircularBuffer<ByteBuffer>()
    /// The bytes of `early`.
    private(set) var earlyBytes = 0

    /// The limits of `early`. A message that Redis never received stays in the list until a later one is read. One that is no
    /// longer in the list and is read all the same is delivered twice.
    private static let maximumEarly = 10_000
    private let maximumEarlyBytes: Int

    /// - Parameter maximumEarlyBytes: Most bytes of messages that are remembered because they were delivered before they were
    ///   read.
    init(maximumEarlyBytes: Int = 64 << 20) {
        self.maximumEarlyBytes = maximumEarlyBytes
    }

    /// Adds a message that is about to be published.
    func add(_ payload: ByteBuffer, _ deliver: @escaping @Sendable () -> Void) {
        pending.append(Entry(payload: payload, deliver: deliver))
    }

    /// Notes that a message has been read. Returns whether it has been delivered already.
    func read(_ payload: ByteBuffer) -> Bool {
        if let index = early.firstIndex(of: payload) {
            for _ in 0...early.distance(from: early.startIndex, to: index) { forgetFirst() }
            return true
        }
        // The messages before it were lost; ``lost(_:)`` is called for them.
        if let index = pending.firstIndex(where: { $0.payload == payload }) { pending.remove(at: index) }
        return false
    }

    /// Delivers a message that will never be read, unless it has been delivered already.
    func lost(_ payload: ByteBuffer) {
        if let index = pending.firstIndex(where: { $0.payload == payload }) {
            pending.remove(at: index).deliver()
        } else if let index = early.firstIndex(of: payload) {
            earlyBytes -= early.remove(at: index).readableBytes
        }
    }

    /// Delivers all messages, because Redis cannot be reached.
    func linkLost() {
        while let entry = pending.popFirst() {
            early.append(entry.payload)
            earlyBytes += entry.payload.readableBytes
            entry.deliver()
        }
        while early.count > Self.maximumEarly || earlyBytes > maximumEarlyBytes { forgetFirst() }
    }

    private func forgetFirst() {
        if let first = early.popFirst() { earlyBytes -= first.readableBytes }
    }
}
