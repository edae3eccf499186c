// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Synchronization

/// The connection through which a large response is being sent. May be used from any thread.
package final class AnswerProbe: Sendable {
    private let descriptor = Synchronization.Atomic<CInt>(-1)
    /// Whether the response is still being sent there.
    private let channel = NIOLockedValueBox<(any Channel)?>(nil)

    package init() {}

    /// The socket of the connection; -1 when the connection has closed or sends another response.
    func set(_ descriptor: CInt) { self.descriptor.store(descriptor, ordering: .relaxed) }

    func set(waitingIn channel: (any Channel)?) { self.channel.withLockedValue { $0 = channel } }

    /// Closes the connection if it is still sending the response.
    package func cut() { channel.withLockedValue { $0 }?.close(promise: nil) }

    /// Bytes in the socket that the client has not acknowledged.
    package var unacknowledgedBytes: Int {
        DirectSocket.unacknowledgedBytes(of: descriptor.load(ordering: .relaxed))
    }
}

/// Accompanies a response and reports, once, when the kernel has accepted all of it or the response has been abandoned.
/// May be used from any thread.
package final class AnswerTracker: Sendable {
    package let probe: AnswerProbe
    private let isOver = Synchronization.Atomic(false)
    private let onEnd: @Sendable () -> Void

    package init(probe: AnswerProbe, onEnd: @escaping @Sendable () -> Void) {
        self.probe = probe
        self.onEnd = onEnd
    }

    /// The response was released without being sent.
    deinit { end() }

    package func end() {
        guard !isOver.exchange(true, ordering: .relaxed) else { return }
        probe.set(waitingIn: nil)
        onEnd()
    }
}
