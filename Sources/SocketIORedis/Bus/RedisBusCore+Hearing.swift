// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// What this node hears of its own messages, see ``EchoTracker``.
extension RedisBusCore {
    /// Data of this node has come back.
    func heardOwn(_ payload: ByteBuffer) { outbox.heard(payload) }

    /// An echo has come back: everything before it has, too.
    func heardEcho(_ number: UInt64) {
        guard number == echoNumber else { return }
        outbox.heardEcho()
        guard outbox.hasDoubts else { return }
        outbox.endDoubts(hasHeardAll: true)
        subscriptionMonitor?.tryToOpen()
        sendEchoIfUncertain()
    }

    /// From now on this node hears more or less of its own messages than before.
    func hearingChanged() {
        outbox.hearingChanged()
        sendEchoIfUncertain()
    }

    /// Own messages may have been missed: what is in doubt is not sent again.
    func doubtEverything() {
        outbox.endDoubts(hasHeardAll: false)
        hearingChanged()
    }

    /// Asks this node itself, if it does not know how much it hears, so that it does when a connection breaks.
    func sendEchoIfUncertain() {
        guard policy.mode == .buffer, board.health.isPublisherUp, board.health.isSubscriberUp, outbox.isUnsure else {
            return
        }
        sendEcho()
    }

    /// As ``sendEchoIfUncertain()``, also when an echo has been sent and has not come; now and then.
    func retryEcho() {
        outbox.echoLost()
        sendEchoIfUncertain()
    }

    /// The publishing connection is back: what may be known of the messages in doubt will be known when an echo has come.
    func resolveDoubts() {
        guard outbox.hasDoubts else { return sendEchoIfUncertain() }
        guard outbox.isCounting, sendEcho() else {
            outbox.endDoubts(hasHeardAll: false)
            return sendEchoIfUncertain()
        }
    }

    @discardableResult
    private func sendEcho() -> Bool {
        echoNumber += 1
        guard let echo = makeEcho?(echoNumber) else { return false }
        outbox.offer(echo)
        return true
    }
}
