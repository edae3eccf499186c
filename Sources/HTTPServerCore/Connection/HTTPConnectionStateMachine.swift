// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Decides what an HTTP/1.1 connection does next: read on, wait, answer, close, give the connection away. Performs nothing.
///
/// ```
///            ┌── request head ──▶ request in progress ──┐
///   serving ─┤                     │ answer and body    ├─ taken over ───────────────────▶ gone
///            └◀────────────────────┘ complete           │
///      │ last answer, fault, drain                      │
///      ▼                                                │
///   closing ── everything sent ──▶ (lingering) ─────────┴── closed, dropped ─────────────▶ gone
/// ```
///
/// A connection has at most one request in progress. Requests sent ahead wait in its buffer, so that answers leave in order, and
/// the next one is begun only when the answer before it has been sent: a client that does not read causes no further answers.
/// Times come in as deadlines; ``deadline(idleUntil:)`` is when the owner calls ``deadlinePassed()``.
package struct HTTPConnectionStateMachine {
    /// How far the connection is.
    package enum Phase: Equatable, Sendable {
        case serving
        /// The last answer is on its way out.
        case closing(lingers: Bool)
        /// Our side is closed. The client is given time to read, since a reset would destroy the answer.
        case lingering
        case gone
    }

    /// What happens to the body of the request in progress.
    package enum BodyUse: Equatable, Sendable {
        /// Nothing yet: it waits, and the client is held back.
        case unclaimed
        /// It is collected for one who wants so many bytes at most.
        case collected(limit: Int)
        case streamed
        /// Its reader has enough for the moment.
        case paused
        /// Nobody wants it any more. So many bytes are read and dropped before the connection is given up instead.
        case discarded(budget: Int)
    }

    package enum Answer: Equatable, Sendable {
        case pending
        /// The head of a streamed answer has been written.
        case started
        case complete
    }

    /// The request in progress.
    struct Request {
        let keepsAlive: Bool
        let isUpgrade: Bool
        var use = BodyUse.unclaimed
        var answer = Answer.pending
        var isBodyComplete: Bool
        /// Whether the client waits for `100 Continue`.
        var owesContinue: Bool
        /// When the body must be complete or, for a streamed one, the next piece there.
        var bodyDeadline: NIODeadline?
        /// When a request that nobody answers is ended.
        var giveUpDeadline: NIODeadline?

        var wantsBody: Bool {
            if isBodyComplete { return false }
            return switch use {
            case .unclaimed, .paused: false
            case .collected, .streamed, .discarded: true
            }
        }
    }

    /// What to do with the bytes at hand.
    package enum Step: Equatable, Sendable {
        case readHead
        case readBody
        /// Answer and body are complete: forget the request, and tell ``requestEnded()``.
        case endRequest
        /// Nothing, until something happens.
        case wait
    }

    /// What to do with a piece of a body.
    package enum BodyStep: Equatable, Sendable {
        /// Hand it to the one who collects or streams it.
        case deliver
        /// Tell the one who collects it that it is too large.
        case refuse
        case drop
        /// It is not worth waiting for its end.
        case giveUp(Ending)
    }

    /// How the connection ends.
    package enum Ending: Equatable, Sendable {
        /// It does not, or is ending already.
        case none
        /// When everything written has been sent.
        case afterWrites
        case close
        /// Our side is closed now (``outputClosed(now:)``), the rest when the client has closed its own, or at the deadline.
        case closeOutput
    }

    /// What to do when a deadline has passed.
    package enum TimeOut: Equatable, Sendable {
        /// Nobody waits for an answer. The limit is to be counted.
        case close(HTTPLimit?)
        /// The client gets 408.
        case refuse(HTTPLimit)
    }

    /// Bytes held back before the socket is no longer read.
    package static let highWater = 64 * 1024
    /// How long a client may take to read the last answer after our side was closed.
    static let lingerTime = TimeAmount.seconds(2)

    package private(set) var phase = Phase.serving
    private(set) var request: Request?
    private(set) var isDraining = false
    /// Pieces handed to the channel and not yet written.
    package private(set) var pendingWrites = 0
    private(set) var hasServed = false
    /// When the rest of a head must be there, or the next request.
    private var headDeadline: NIODeadline?
    private var writeDeadline = NIODeadline.distantFuture
    private var isHeadStarted = false
    private var isReadHeldBack = false
    private var isOpened = false

    package init() {}

    package var isServing: Bool { phase == .serving }
    /// Whether a request is in progress.
    package var hasRequest: Bool { request != nil }
    /// Whether the request in progress has no answer, not even the beginning of one.
    package var awaitsAnswer: Bool { request?.answer == .pending }
    package var isAnswered: Bool { request?.answer == .complete }
    package var isBodyComplete: Bool { request?.isBodyComplete ?? true }
    package var bodyUse: BodyUse? { request?.use }
    /// Whether nothing of this connection is still on its way, so that bytes may be sent past the channel.
    package var hasSentAll: Bool { pendingWrites == 0 }

    // MARK: Reading

    /// The connection is open. False when that was told before.
    package mutating func opened(headBy deadline: NIODeadline) -> Bool {
        guard !isOpened else { return false }
        isOpened = true
        headDeadline = deadline
        return true
    }

    /// What to do with the bytes at hand.
    package func nextStep() -> Step {
        guard phase == .serving else { return .wait }
        guard let request else { return pendingWrites == 0 ? .readHead : .wait }
        if request.wantsBody { return .readBody }
        return request.isBodyComplete && request.answer == .complete ? .endRequest : .wait
    }

    /// A request may be read from the socket only while not too much is held back.
    package mutating func mayRead(holding bytes: Int) -> Bool {
        guard bytes >= Self.highWater else { return true }
        isReadHeldBack = true
        return false
    }

    /// Whether a read that was held back is to be made up for.
    package mutating func resumesReading(holding bytes: Int) -> Bool {
        guard isReadHeldBack, bytes < Self.highWater else { return false }
        isReadHeldBack = false
        return true
    }

    /// Whether a read is owed to the one who takes the connection over.
    package var owesRead: Bool { isReadHeldBack }

    /// The bytes at hand are no whole head.
    package mutating func headIncomplete(holding bytes: Int, headBy deadline: @autoclosure () -> NIODeadline) {
        guard bytes > 0, !isHeadStarted else { return }
        isHeadStarted = true
        // The first request has had its deadline since the connection was opened.
        if hasServed { headDeadline = deadline() }
    }

    /// A request begins.
    package mutating func headReceived(keepsAlive: Bool, isUpgrade: Bool, hasBody: Bool, expectsContinue: Bool) {
        headDeadline = nil
        isHeadStarted = false
        hasServed = true
        request = Request(
            keepsAlive: keepsAlive, isUpgrade: isUpgrade, isBodyComplete: !hasBody, owesContinue: expectsContinue)
    }

    /// Somebody wants the body.
    package mutating func bodyWanted(_ use: BodyUse, by deadline: NIODeadline) {
        request?.use = use
        request?.bodyDeadline = deadline
    }

    /// The reader of a streamed body has enough for the moment.
    package mutating func bodyPaused() { request?.use = .paused }

    /// The reader of a streamed body has gone.
    package mutating func bodyUnwanted(budget: Int) { request?.use = .discarded(budget: budget) }

    /// A piece of the body has come: of `bytes`, after `earlier` collected ones.
    package mutating func bodyReceived(
        _ bytes: Int, after earlier: Int, nextBy deadline: @autoclosure () -> NIODeadline
    ) -> BodyStep {
        switch request?.use {
        case .collected(let limit):
            guard bytes <= limit - earlier else {
                request?.use = .unclaimed
                return .refuse
            }
            return .deliver
        case .streamed:
            request?.bodyDeadline = deadline()
            return .deliver
        case .discarded(let budget):
            guard bytes <= budget else {
                request?.use = .unclaimed
                guard request?.answer == .complete else { return .drop }
                request = nil
                return .giveUp(end(lingering: true))
            }
            request?.use = .discarded(budget: budget - bytes)
            return .drop
        case .unclaimed, .paused, nil:
            return .drop
        }
    }

    /// The whole body has come.
    package mutating func bodyEnded() {
        request?.isBodyComplete = true
        request?.use = .unclaimed
    }

    /// Whether `100 Continue` is to be sent now. Once.
    package mutating func takesContinue() -> Bool {
        guard let request, request.owesContinue, request.answer == .pending else { return false }
        self.request?.owesContinue = false
        return true
    }

    // MARK: Answering

    /// Whether the connection ends with the answer.
    ///
    /// - Parameters:
    ///   - closing: the answer asks for it.
    ///   - remaining: what is still to come of the body, as far as it is known.
    ///   - budget: how much of an unwanted body is read to keep the connection.
    package func ends(closing: Bool, remaining: Int?, budget: Int) -> Bool {
        guard let request else { return true }
        if closing || isDraining || request.isUpgrade || !request.keepsAlive { return true }
        if request.isBodyComplete { return false }
        // Nobody can tell whether a client that was not told to continue sends its body now or never.
        if request.owesContinue { return true }
        return (remaining ?? 0) > budget
    }

    /// The head of a streamed answer was written.
    package mutating func answerStarted() { request?.answer = .started }

    /// The whole answer was written. With `closes` the connection ends and the request is forgotten.
    package mutating func answerCompleted(
        closes: Bool, budget: Int, bodyBy deadline: @autoclosure () -> NIODeadline
    ) -> Ending {
        guard let request else { return .none }
        self.request?.answer = .complete
        if closes {
            self.request = nil
            return end(lingering: !request.isBodyComplete || request.isUpgrade)
        }
        if !request.isBodyComplete {
            self.request?.use = .discarded(budget: budget)
            if request.bodyDeadline == nil { self.request?.bodyDeadline = deadline() }
        }
        return .none
    }

    /// Nothing answers this request; the connection ends at `deadline`.
    package mutating func leftUnanswered(until deadline: NIODeadline) { request?.giveUpDeadline = deadline }

    /// The request in progress was answered, and its body has been read.
    package mutating func requestEnded() -> Ending {
        let keepsAlive = request?.keepsAlive ?? true
        request = nil
        return keepsAlive && !isDraining ? .none : end(lingering: false)
    }

    /// The request in progress is given up.
    package mutating func requestAbandoned() { request = nil }

    // MARK: Writing

    /// A piece was handed to the channel.
    package mutating func writeStarted(by deadline: NIODeadline) {
        pendingWrites += 1
        writeDeadline = deadline
    }

    /// The channel has written a piece. `.none` means that the connection goes on.
    package mutating func writeFinished(nextBy deadline: @autoclosure () -> NIODeadline) -> Ending {
        pendingWrites -= 1
        if pendingWrites > 0 {
            writeDeadline = deadline()
            return .none
        }
        guard case .closing(let lingers) = phase else { return .none }
        return lingers ? .closeOutput : .close
    }

    // MARK: Ending

    /// Ends the connection when everything written has been sent.
    package mutating func end(lingering: Bool) -> Ending {
        guard phase == .serving else { return .none }
        phase = .closing(lingers: lingering)
        return pendingWrites == 0 ? (lingering ? .closeOutput : .close) : .afterWrites
    }

    /// Our side is closed from now on.
    package mutating func outputClosed(now: NIODeadline) {
        phase = .lingering
        writeDeadline = now + Self.lingerTime
    }

    /// The connection is to end after the request in progress.
    package mutating func drain() -> Ending {
        isDraining = true
        return request == nil ? end(lingering: false) : .none
    }

    /// The connection is closed, or somebody else's.
    package mutating func dropped() {
        phase = .gone
        request = nil
    }

    // MARK: Times

    /// The time until which the connection may go on as it is; nil for no limit.
    ///
    /// - Parameter idleUntil: asked between two requests, once.
    package mutating func deadline(idleUntil: @autoclosure () -> NIODeadline) -> NIODeadline? {
        switch phase {
        case .gone: return nil
        case .closing, .lingering: return writeDeadline
        case .serving: break
        }
        if let request {
            if let giveUp = request.giveUpDeadline { return giveUp }
            if request.wantsBody, let bodyDeadline = request.bodyDeadline { return bodyDeadline }
            return pendingWrites > 0 ? writeDeadline : nil
        }
        if pendingWrites > 0 { return writeDeadline }
        if headDeadline == nil, hasServed { headDeadline = idleUntil() }
        return headDeadline
    }

    /// The deadline has passed.
    package func deadlinePassed() -> TimeOut {
        guard phase == .serving else { return .close(pendingWrites > 0 ? .sendTimeout : nil) }
        if let request {
            if request.giveUpDeadline != nil { return .close(.unansweredUpgrade) }
            return request.wantsBody ? .refuse(.bodyTimeout) : .close(.sendTimeout)
        }
        if pendingWrites > 0 { return .close(.sendTimeout) }
        if isHeadStarted { return .refuse(.headTimeout) }
        // Between two requests, or never a first one: nobody waits for an answer.
        return .close(hasServed ? nil : .headTimeout)
    }
}
