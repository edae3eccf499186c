// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore

/// What a client says in a CONNECT to continue its session.
package struct RestoreRequest: Sendable, Hashable {
    package let pid: PackedID
    package let offset: EventPosition

    /// - Throws: Why nothing can be looked up for what the client says.
    package init(pid: String, offset: String, format: OffsetFormat) throws(RecoveryFailure) {
        self.offset = try format.position(offset)
        guard let pid = PackedID(pid) else { throw .unknownPid }
        self.pid = pid
    }
}

/// What the owner of a restore does next.
package enum RestoreAction: Sendable {
    /// Nothing until the next call.
    case wait
    /// Build the socket with the id and data of this record, in no room, and run its middlewares.
    case runMiddlewares(KeptSession)
    /// Have the connected socket that has the session closed, then claim its record.
    case release
    /// Take the record, for this connection alone.
    case claim
    /// Join the rooms and note up to where this event loop has delivered, in one step; call ``RestoreStateMachine/attached(at:)``.
    case attach(KeptSession)
    /// Read what the session has missed.
    case read(KeptSession, after: EventPosition, through: EventPosition)
    /// Write what was read, then the answer to the CONNECT, then the packets that were queued meanwhile.
    case finish(KeptSession)
    /// Go on as a new connection, with a new id and the middlewares from the beginning. Nothing has been sent. A record
    /// that was taken for the wrong client goes back.
    case startOver(RecoveryFailure, putBack: KeptSession? = nil)
    /// The connection is gone: the record goes back, with what is left of its life.
    case putBack(KeptSession)
    /// The connection is gone or refused: nothing was taken.
    case drop
}

/// What becomes of a packet for a socket, by its position.
package enum LiveDecision: Sendable, Hashable {
    /// The client has it, or will get it from the log.
    case skip
    /// To be written after what was missed.
    case queue
    case write
    /// The queue is full: the restore is over.
    case overflow
}

/// One client's way from a CONNECT with `pid` and `offset` to its restored session (protocol 4.12.3, rules 3, 4 and 10).
///
///     looking up ── found ──▶ middlewares ── passed ──▶ (releasing) ──▶ claiming ──▶ attaching ──▶ reading ──▶ restored
///          └───── failed ─────────▶ over ◀──── refused, lost, failed ────┴───────────────┴───────────┘
///
/// Nothing is written before everything has been read, and nothing is taken before the middlewares have let the client
/// pass. Whether a packet is missed or live is decided by its position alone: up to the position at which the socket was
/// attached it comes from the log, later ones come as packets.
package struct RestoreStateMachine: Sendable {
    private enum State: Sendable {
        case lookingUp
        case middlewares(KeptSession, isHeld: Bool)
        case releasing(KeptSession)
        case claiming(subject: String?)
        case attaching(KeptSession)
        case reading(KeptSession)
        case restored
        case over
    }

    private let request: RestoreRequest
    private let namespace: String
    private let maximumQueued: Int
    private var state = State.lookingUp
    private var queued = 0
    /// Up to where the client has, or is about to get, everything.
    package private(set) var deliveredUpTo = EventPosition.zero

    package init(request: RestoreRequest, namespace: String, maximumQueued: Int = 1_000) {
        self.request = request
        self.namespace = namespace
        self.maximumQueued = maximumQueued
    }

    // MARK: Before the middlewares

    /// The record was found; `isHeld` when a socket that counts as connected has the session. In that case the record is
    /// a look at that socket.
    package mutating func found(_ record: KeptSession, isHeld: Bool = false) -> RestoreAction {
        guard case .lookingUp = state else { return .wait }
        if let failure = judge(record) { return fail(failure) }
        state = .middlewares(record, isHeld: isHeld)
        return .runMiddlewares(record)
    }

    package mutating func failed(_ failure: RecoveryFailure) -> RestoreAction {
        switch state {
        case .restored, .over: .wait
        default: fail(failure)
        }
    }

    // MARK: After the middlewares

    /// All middlewares have let the client pass; `subject` is the user that they have found.
    package mutating func passed(subject: String?) -> RestoreAction {
        guard case .middlewares(let record, let isHeld) = state else { return .wait }
        guard Self.isSame(subject, record.subject) else { return fail(.subjectMismatch) }
        state = isHeld ? .releasing(record) : .claiming(subject: subject)
        return isHeld ? .release : .claim
    }

    /// A middleware has refused the client: the record stays for another attempt.
    package mutating func refused() -> RestoreAction {
        state = .over
        return .drop
    }

    /// The socket that had the session is closed, and its final record can be claimed.
    package mutating func released() -> RestoreAction {
        guard case .releasing(let record) = state else { return .wait }
        state = .claiming(subject: record.subject)
        return .claim
    }

    /// The record is taken. It may be newer than the one that was looked up.
    package mutating func claimed(_ record: KeptSession) -> RestoreAction {
        guard case .claiming(let subject) = state else { return .putBack(record) }
        if let failure = judge(record) ?? (Self.isSame(subject, record.subject) ? nil : .subjectMismatch) {
            state = .over
            return .startOver(failure, putBack: record)
        }
        state = .attaching(record)
        return .attach(record)
    }

    /// The socket is in its rooms; everything up to `position` has been delivered on its event loop before.
    package mutating func attached(at position: EventPosition) -> RestoreAction {
        guard case .attaching(let record) = state else { return .wait }
        // The client may come from a server that is ahead of this one.
        deliveredUpTo = max(position, request.offset)
        state = .reading(record)
        return .read(record, after: max(request.offset, record.start), through: deliveredUpTo)
    }

    /// Everything up to the position of ``attached(at:)`` has been read.
    package mutating func read() -> RestoreAction {
        guard case .reading(let record) = state else { return .wait }
        state = .restored
        return .finish(record)
    }

    // MARK: At any time

    /// The connection is lost.
    package mutating func lost() -> RestoreAction {
        defer { state = .over }
        switch state {
        case .attaching(var record), .reading(var record):
            // What the client has is what it said it has.
            record.position = max(request.offset, record.start)
            return .putBack(record)
        case .lookingUp, .middlewares, .releasing, .claiming, .restored, .over:
            return .drop
        }
    }

    /// A packet for the socket is delivered on its event loop; those without a position of their own have nil.
    package mutating func live(_ position: EventPosition?) -> LiveDecision {
        if let position {
            guard position > deliveredUpTo else { return .skip }
        }
        switch state {
        case .restored:
            if let position { deliveredUpTo = position }
            return .write
        case .reading:
            guard queued < maximumQueued else { return .overflow }
            queued += 1
            if let position { deliveredUpTo = position }
            return .queue
        case .lookingUp, .middlewares, .releasing, .claiming, .attaching, .over:
            return .skip
        }
    }

    private func judge(_ record: KeptSession) -> RecoveryFailure? {
        guard record.namespace.hasSameBytes(as: namespace) else { return .otherNamespace }
        do {
            _ = try record.replayStart(offset: request.offset)
            return nil
        } catch {
            return error
        }
    }

    private static func isSame(_ left: String?, _ right: String?) -> Bool {
        switch (left, right) {
        case (nil, nil): true
        case (let left?, let right?): left.hasSameBytes(as: right)
        default: false
        }
    }

    private mutating func fail(_ failure: RecoveryFailure) -> RestoreAction {
        state = .over
        return .startOver(failure)
    }
}
