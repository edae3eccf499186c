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
/// A connection has at most one request in progress. Pipelined requests wait in its buffer, so that answers leave in
/// order. The next one starts only when the answer before it has been sent, so a client that reads nothing causes no
/// further answers. Times come in as deadlines; at ``deadline(idleUntil:)`` the owner calls ``deadlinePassed()``.
package struct HTTPConnectionStateMachine {
    /// When a connection holds this many unprocessed bytes, it is no longer read.
    package static let highWater = 64 * 1024
    /// How long a client may take to read the last answer after the server has closed its side.
    static let lingerTime = TimeAmount.seconds(2)

    package private(set) var phase = Phase.serving
    private(set) var request: Request?
    private(set) var isDraining = false
    /// How many pieces have been handed to the channel and not been written yet.
    package private(set) var pendingWrites = 0
    private(set) var hasServed = false
    /// When the rest of a head, or the next request, must have arrived.
    private var headDeadline: NIODeadline?
    private var writeDeadline = NIODeadline.distantFuture
    private var isHeadStarted = false
    private var isReadHeldBack = false
    private var isOpened = false

    package init() {}

    package var isServing: Bool { phase == .serving }
    /// Whether a request is in progress.
    package var hasRequest: Bool { request != nil }
    /// Whether no part of an answer to the request in progress has been written.
    package var awaitsAnswer: Bool { request?.answer == .pending }
    package var isAnswered: Bool { request?.answer == .complete }
    package var isBodyComplete: Bool { request?.isBodyComplete ?? true }
    package var bodyUse: BodyUse? { request?.use }
    /// Whether everything written has left the channel, so that bytes may be sent without it.
    package var hasSentAll: Bool { pendingWrites == 0 }

    // MARK: Reading

    /// Notes that the connection is open. False when that was noted before.
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

    /// Whether the socket may be read: not while too many bytes are held. A refused read is remembered.
    package mutating func mayRead(holding bytes: Int) -> Bool {
        guard bytes >= Self.highWater else { return true }
        isReadHeldBack = true
        return false
    }

    /// Whether a read that was refused before is to be made now.
    package mutating func resumesReading(holding bytes: Int) -> Bool {
        guard isReadHeldBack, bytes < Self.highWater else { return false }
        isReadHeldBack = false
        return true
    }

    /// Whether the new owner of the connection has to make up for a refused read.
    package var owesRead: Bool { isReadHeldBack }

    /// Notes that the bytes at hand are not a whole head.
    package mutating func headIncomplete(holding bytes: Int, headBy deadline: @autoclosure () -> NIODeadline) {
        guard bytes > 0, !isHeadStarted else { return }
        isHeadStarted = true
        // The first request has had its deadline since the connection was opened.
        if hasServed { headDeadline = deadline() }
    }

    /// Notes that a request begins.
    package mutating func headReceived(keepsAlive: Bool, isUpgrade: Bool, hasBody: Bool, expectsContinue: Bool) {
        headDeadline = nil
        isHeadStarted = false
        hasServed = true
        request = Request(
            keepsAlive: keepsAlive, isUpgrade: isUpgrade, isBodyComplete: !hasBody, owesContinue: expectsContinue)
    }

    /// Notes that the service or the application asks for the body.
    package mutating func bodyWanted(_ use: BodyUse, by deadline: NIODeadline) {
        request?.use = use
        request?.bodyDeadline = deadline
    }

    /// Notes that the reader of a streamed body has enough bytes for the moment.
    package mutating func bodyPaused() { request?.use = .paused }

    /// Notes that the reader of a streamed body has stopped.
    package mutating func bodyUnwanted(budget: Int) { request?.use = .discarded(budget: budget) }

    /// Decides about a piece of the body with `bytes`, after `earlier` collected ones.
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

    /// Notes that the whole body has arrived.
    package mutating func bodyEnded() {
        request?.isBodyComplete = true
        request?.use = .unclaimed
    }

    /// Whether `100 Continue` is to be sent now. True only once for a request.
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
    ///   - remaining: how many bytes of the body are still to come, if known.
    ///   - budget: how many bytes of an unwanted body are read to keep the connection.
    package func ends(closing: Bool, remaining: Int?, budget: Int) -> Bool {
        guard let request else { return true }
        if closing || isDraining || request.isUpgrade || !request.keepsAlive { return true }
        if request.isBodyComplete { return false }
        // A client that was not told to continue may send its body later or never.
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

    /// Notes that nothing will answer this request; the connection ends at `deadline`.
    package mutating func leftUnanswered(until deadline: NIODeadline) { request?.giveUpDeadline = deadline }

    /// Notes that the request in progress has been answered and its body has been read.
    package mutating func requestEnded() -> Ending {
        let keepsAlive = request?.keepsAlive ?? true
        request = nil
        return keepsAlive && !isDraining ? .none : end(lingering: false)
    }

    /// Gives up the request in progress.
    package mutating func requestAbandoned() { request = nil }

    // MARK: Writing

    /// Notes that a piece was handed to the channel.
    package mutating func writeStarted(by deadline: NIODeadline) {
        pendingWrites += 1
        writeDeadline = deadline
    }

    /// Notes that the channel has written a piece. `.none` means that the connection goes on.
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

    /// Notes that the server has closed its side.
    package mutating func outputClosed(now: NIODeadline) {
        phase = .lingering
        writeDeadline = now + Self.lingerTime
    }

    /// The connection is to end after the request in progress.
    package mutating func drain() -> Ending {
        isDraining = true
        return request == nil ? end(lingering: false) : .none
    }

    /// Notes that the connection has closed, or has been taken over.
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

    /// What to do now that the deadline has passed.
    package func deadlinePassed() -> TimeOut {
        guard phase == .serving else { return .close(pendingWrites > 0 ? .sendTimeout : nil) }
        if let request {
            if request.giveUpDeadline != nil { return .close(.unansweredUpgrade) }
            return request.wantsBody ? .refuse(.bodyTimeout) : .close(.sendTimeout)
        }
        if pendingWrites > 0 { return .close(.sendTimeout) }
        if isHeadStarted { return .refuse(.headTimeout) }
        // The connection is between two requests or has not sent a first one: no answer is owed.
        return .close(hasServed ? nil : .headTimeout)
    }
}
