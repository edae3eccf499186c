// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Synchronization

/// Where an answer that takes its time is: the connection it leaves through. From any thread.
package final class AnswerProbe: Sendable {
    private let descriptor = Synchronization.Atomic<CInt>(-1)
    /// While the answer waits there.
    private let channel = NIOLockedValueBox<(any Channel)?>(nil)

    package init() {}

    /// The socket of the connection; -1 when it is gone, or serves another answer.
    func set(_ descriptor: CInt) { self.descriptor.store(descriptor, ordering: .relaxed) }

    func set(waitingIn channel: (any Channel)?) { self.channel.withLockedValue { $0 = channel } }

    /// Closes the connection if the answer still waits there.
    package func cut() { channel.withLockedValue { $0 }?.close(promise: nil) }

    /// Bytes of the socket that the client has not acknowledged.
    package var unacknowledgedBytes: Int {
        DirectSocket.unacknowledgedBytes(of: descriptor.load(ordering: .relaxed))
    }
}

/// Travels with an answer and tells, once, when the kernel has been given all of it, or never will be. From any thread.
package final class AnswerTracker: Sendable {
    package let probe: AnswerProbe
    private let isOver = Synchronization.Atomic(false)
    private let onEnd: @Sendable () -> Void

    package init(probe: AnswerProbe, onEnd: @escaping @Sendable () -> Void) {
        self.probe = probe
        self.onEnd = onEnd
    }

    /// An answer that goes nowhere is let go of.
    deinit { end() }

    package func end() {
        guard !isOver.exchange(true, ordering: .relaxed) else { return }
        probe.set(waitingIn: nil)
        onEnd()
    }
}
