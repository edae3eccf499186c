// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Tells which messages Redis has passed on although its reply never came: this node hears its own messages too.
///
/// When a publishing connection breaks, Redis has taken a beginning of what was sent and not the rest. This node counts
/// what it sends and what it hears of that, both from the moment on in which it hears a question to itself, its *echo*: that
/// is a place in the order that both sides know. Once it has heard another echo, sent on the next connection, it has
/// heard all that Redis took, and the counts tell how long the beginning is. The bytes of the last message heard must
/// agree; with a gap in hearing, or when they do not, nothing is known, and a message in doubt is not sent again.
struct EchoTracker {
    private enum State {
        /// Something may be missing in what is heard, or in what is counted: an echo has to be heard first.
        case unsure
        /// The echo is on its way. What is sent from now on counts, what is heard does not yet.
        case asking
        case counting
    }

    /// The epoch of counting in which a message was sent.
    struct CountingEpoch: Equatable {
        fileprivate var number = 0

        /// The message does not count: this node does not hear it, or did not know how much it hears.
        static let none = CountingEpoch()
    }

    private var state = State.unsure
    private var epoch = CountingEpoch.none
    /// Messages of this epoch that have been heard, and those that Redis is known to have passed on.
    private var heardCount = 0
    private var passedOnCount = 0
    private var lastHeard: ByteBuffer?
    private var lastPassedOn: ByteBuffer?

    /// Whether the next ``passedOn(of:)`` can have an answer.
    var isCounting: Bool { if case .counting = state { true } else { false } }

    /// What is heard of this node's own messages has changed, or it is not known what has become of one.
    mutating func becameUnsure() { state = .unsure }

    /// Whether an echo should be sent.
    var isUnsure: Bool { if case .unsure = state { true } else { false } }

    /// An echo on its way will not come: its connection broke, or it has been waited for long enough.
    mutating func echoLost() { if case .asking = state { state = .unsure } }

    /// An echo is sent. It begins an epoch, unless one is being counted and this is to end doubts.
    mutating func echoSent() {
        guard !isCounting else { return }
        epoch.number += 1
        state = .asking
        passedOnCount = 0
        lastPassedOn = nil
    }

    /// The last echo sent has been heard.
    mutating func echoHeard() {
        guard case .asking = state else { return }
        state = .counting
        heardCount = 0
        lastHeard = nil
    }

    mutating func heard(_ payload: ByteBuffer) {
        heardCount += 1
        lastHeard = payload
    }

    /// The epoch of a message that is sent now.
    func epoch(of message: PublishMessage) -> CountingEpoch {
        guard let source = message.source, source.isHeard else { return .none }
        if case .unsure = state { return .none }
        return epoch
    }

    /// Redis has confirmed a message, or it has become known that it took it.
    mutating func passedOn(_ entry: PublishQueue.Entry) {
        guard entry.epoch != .none, entry.epoch == epoch else { return }
        passedOnCount += 1
        lastPassedOn = entry.message.payload
    }

    /// How many of the messages in doubt, given in their order, Redis has passed on; nil when that cannot be told. To be
    /// asked when everything has been heard that Redis took from the connection.
    func passedOn(of doubtful: [PublishQueue.Entry]) -> Int? {
        guard isCounting, doubtful.allSatisfy({ $0.epoch == epoch }) else { return nil }
        let count = heardCount - passedOnCount
        guard count >= 0, count <= doubtful.count else { return nil }
        let last = count == 0 ? lastPassedOn : doubtful[count - 1].message.payload
        return lastHeard == last ? count : nil
    }
}
