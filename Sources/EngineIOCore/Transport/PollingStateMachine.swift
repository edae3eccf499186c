// Part of socketio-server, MIT licence; see LICENSE.

/// The requests a polling client may have open at once, and what each is answered (protocol 1.8.2, 1.8.3, 1.11).
///
///     poll:  none ⇄ pending                    at most one GET; it takes whatever is sent next
///     post:  none → reading → dispatching →    at most one POST; answered after its packets were delivered
///     life:  open → closing (the close packet waits for a poll) → closed
///
/// The requests themselves stay with the owner: "the pending poll", "the new request". An action that answers the
/// pending poll has already forgotten it here.
package struct PollingStateMachine: Sendable {
    private enum Life: UInt8 {
        case open
        case closing
        case closed
    }

    private enum Post: UInt8 {
        case none
        case reading
        case dispatching
    }

    private var life: Life = .open
    private var hasPoll = false
    private var post: Post = .none

    package init() {}

    /// Whether a poll is held, so that packets can leave now.
    package var isWritable: Bool { hasPoll && life != .closed }

    /// The body of an answered poll.
    package enum PollAnswer: Equatable, Sendable {
        /// Everything pending.
        case packets
        /// Everything pending, then `1`. The transport has finished.
        case packetsThenClose
        /// `6`, `1`: an orderly close with nothing pending (protocol 1.8.2, rule 4). The transport has finished.
        case noopThenClose
        /// `1`.
        case close
        /// `6`.
        case noop
    }

    package enum PollAction: Equatable, Sendable {
        /// Nothing to send yet: keep it as the pending poll.
        case hold
        /// Answer this new poll now.
        case answer(PollAnswer)
        /// A second poll: answer the new one 400 with an empty body and fail the session with `overlapDetail`; closing
        /// it then answers the pending poll with `1`.
        case refuseOverlap
        /// The transport is closed: 400, session unknown.
        case refuseClosed
    }

    package static let pollOverlapDetail = "overlap from client"
    package static let postOverlapDetail = "data request overlap from client"
    package static let pollAbortedDetail = "poll connection closed prematurely"
    package static let postAbortedDetail = "data request connection closed prematurely"
    package static let invalidContentDetail = "invalid content"
    package static let tooLargeDetail = "payload too large"

    /// A GET has arrived.
    package mutating func pollReceived(hasPendingPackets: Bool) -> PollAction {
        switch life {
        case .closed: return .refuseClosed
        case .closing:
            life = .closed
            return .answer(hasPendingPackets ? .packetsThenClose : .noopThenClose)
        case .open:
            guard !hasPoll else { return .refuseOverlap }
            guard !hasPendingPackets else { return .answer(.packets) }
            hasPoll = true
            return .hold
        }
    }

    /// Packets are ready. True when the pending poll must take them all now; false when they wait for the next.
    package mutating func flushRequested() -> Bool { takePoll() }

    /// The upgrade wants the client's held poll back. True when the pending poll must be answered `6`.
    package mutating func noopRequested() -> Bool { takePoll() }

    /// The connection of the pending poll has dropped. True when it was pending: fail the session with
    /// `pollAbortedDetail`.
    package mutating func pollAborted() -> Bool { takePoll() }

    package enum PostAction: Equatable, Sendable {
        /// Collect its body.
        case read
        /// A second POST: 400 with an empty body, fail the session with `postOverlapDetail`.
        case refuseOverlap
        /// `application/octet-stream`: 400 with an empty body, fail the session with `invalidContentDetail`.
        case refuseContentType
        /// The transport is closed: 400, session unknown.
        case refuseClosed
    }

    /// A POST has arrived.
    /// - Parameters:
    ///   - contentType: the whole header value; only exactly `application/octet-stream` is refused.
    ///   - takesBinary: of a client of revision 3, for which that type is a payload of its own.
    package mutating func postReceived(contentType: String?, takesBinary: Bool = false) -> PostAction {
        guard life != .closed else { return .refuseClosed }
        guard post == .none else { return .refuseOverlap }
        guard takesBinary || contentType?.hasSameBytes(as: "application/octet-stream") != true else {
            return .refuseContentType
        }
        post = .reading
        return .read
    }

    /// The body of the POST is complete. True: decode it, deliver its packets, then call `postFinished`. False: the
    /// transport was closed meanwhile and the POST has been answered.
    package mutating func postBodyReceived() -> Bool {
        guard post == .reading else { return false }
        post = .dispatching
        return true
    }

    package enum PostAnswer: Equatable, Sendable {
        /// 200, `ok`.
        case ok
        /// 400 with the JSON body of code 3: a packet could not be decoded (Node drops the connection here).
        case badRequest
    }

    /// The packets of the POST were delivered, or one was bad.
    package mutating func postFinished(isValid: Bool) -> PostAnswer {
        post = .none
        return isValid ? .ok : .badRequest
    }

    /// The POST cannot be read: too large (answer 413, fail the session with `tooLargeDetail`) or its connection dropped
    /// (fail the session with `postAbortedDetail`). False when the transport was closed meanwhile: do nothing.
    package mutating func postFailed() -> Bool {
        guard post == .reading else { return false }
        post = .none
        return true
    }

    /// The client sent a close packet. True when the pending poll must be answered `6`.
    package mutating func closePacketReceived() -> Bool {
        let hadPoll = takePoll()
        life = .closed
        return hadPoll
    }

    /// What closing leaves to be answered.
    package struct CloseAction: Equatable, Sendable {
        /// How to answer the pending poll; nil when there is none.
        package var poll: PollAnswer?
        /// Whether a POST whose body is still arriving must be answered 400.
        package var refusesPost: Bool
        /// False when the close packet waits for the next poll.
        package var isFinished: Bool

        package init(poll: PollAnswer?, refusesPost: Bool, isFinished: Bool) {
            self.poll = poll
            self.refusesPost = refusesPost
            self.isFinished = isFinished
        }
    }

    /// The session wants an orderly close. While it waits for the next poll, a POST goes on and is answered `ok`.
    /// - Parameter discard: do not wait for a poll, and leave pending packets behind.
    package mutating func closeRequested(discard: Bool) -> CloseAction {
        if discard { return finish(answeringPollWith: .close) }
        if hasPoll || life == .closed { return finish(answeringPollWith: .packetsThenClose) }
        life = .closing
        return CloseAction(poll: nil, refusesPost: false, isFinished: false)
    }

    /// The session has finished or moved to a WebSocket: nothing waits any more. Late callbacks of requests that were
    /// answered here must not come back.
    package mutating func closed() -> CloseAction { finish(answeringPollWith: .close) }

    private mutating func finish(answeringPollWith answer: PollAnswer) -> CloseAction {
        let refusesPost = post == .reading
        if refusesPost { post = .none }
        life = .closed
        return CloseAction(poll: takePoll() ? answer : nil, refusesPost: refusesPost, isFinished: true)
    }

    private mutating func takePoll() -> Bool {
        guard hasPoll else { return false }
        hasPoll = false
        return true
    }
}
