// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore

/// The part of a CONNECT with which a client asks to continue its session.
package struct RestoreRequest: Sendable, Hashable {
    package let pid: PackedID
    package let offset: EventPosition
    /// What the client has got early, see ``EarlyMark``.
    package let early: EarlyMark?

    /// - Throws: Why the client's values cannot be looked up.
    package init(pid: String, offset: String, format: OffsetFormat) throws(RecoveryFailure) {
        (self.offset, early) = try format.read(offset)
        guard let pid = PackedID(pid) else { throw .unknownPid }
        self.pid = pid
    }
}

/// What the owner of a restore does next.
package enum RestoreAction: Sendable {
    /// Do nothing until the next call.
    case wait
    /// Build the socket with the id and data of this record, in no room, and run its middlewares.
    case runMiddlewares(KeptSession)
    /// Close the connected socket that has the session, then claim its record.
    case release
    /// Claim the record for this connection.
    case claim
    /// Join the rooms and read the position up to which this event loop has delivered, in one step; then call
    /// ``RestoreStateMachine/attached(at:)``.
    case attach(KeptSession)
    /// Read the events that the session has missed.
    case read(KeptSession, after: EventPosition, through: EventPosition)
    /// Send the events that were read, then the answer to the CONNECT, then the packets that were queued in the
    /// meantime.
    case finish(KeptSession)
    /// Continue as a new connection, with a new id and the middlewares from the beginning. Nothing has been sent. A
    /// record that was claimed for the wrong client is put back.
    case startOver(RecoveryFailure, putBack: KeptSession? = nil)
    /// The connection is gone: put the record back, with the rest of its lifetime.
    case putBack(KeptSession)
    /// The connection is gone or refused, and no record was claimed.
    case drop
}

/// What happens to a packet for a socket, depending on its position.
package enum LiveDecision: Sendable, Hashable {
    /// Drop the packet: the client has it, or will get it from the log.
    case skip
    /// Queue the packet: it is written after the missed events.
    case queue
    case write
    /// The queue is full: give up the restore.
    case overflow
}

/// The steps from a CONNECT with `pid` and `offset` to the restored session (protocol 4.12.3, rules 3, 4 and 10).
///
///     looking up ── found ──▶ middlewares ── passed ──▶ (releasing) ──▶ claiming ──▶ attaching ──▶ reading ──▶ restored
///          └───── failed ─────────▶ over ◀──── refused, lost, failed ────┴───────────────┴───────────┘
///
/// Nothing is sent before all events have been read, and no record is claimed before the middlewares have accepted the
/// client. A packet's position alone decides whether it is missed or live: up to the position at which the socket was
/// attached it comes from the log, later ones are delivered as packets.
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
    /// The position up to which the client has, or is about to get, every event.
    package private(set) var deliveredUpTo = EventPosition.zero

    package init(request: RestoreRequest, namespace: String, maximumQueued: Int = 1_000) {
        self.request = request
        self.namespace = namespace
        self.maximumQueued = maximumQueued
    }

    // MARK: Before the middlewares

    /// Notes that the record was found. With `isHeld`, a socket that counts as connected has the session, and the
    /// record describes that socket.
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

    /// Notes that all middlewares have accepted the client; `subject` is the user that they have found.
    package mutating func passed(subject: String?) -> RestoreAction {
        guard case .middlewares(let record, let isHeld) = state else { return .wait }
        guard Self.isSame(subject, record.subject) else { return fail(.subjectMismatch) }
        state = isHeld ? .releasing(record) : .claiming(subject: subject)
        return isHeld ? .release : .claim
    }

    /// Notes that a middleware has refused the client. The record stays for another attempt.
    package mutating func refused() -> RestoreAction {
        state = .over
        return .drop
    }

    /// Notes that the socket that had the session is closed, so that its final record can be claimed.
    package mutating func released() -> RestoreAction {
        guard case .releasing(let record) = state else { return .wait }
        state = .claiming(subject: record.subject)
        return .claim
    }

    /// Notes that the record was claimed. It may be newer than the one that was looked up.
    package mutating func claimed(_ record: KeptSession) -> RestoreAction {
        guard case .claiming(let subject) = state else { return .putBack(record) }
        if let failure = judge(record) ?? (Self.isSame(subject, record.subject) ? nil : .subjectMismatch) {
            state = .over
            return .startOver(failure, putBack: record)
        }
        state = .attaching(record)
        return .attach(record)
    }

    /// Notes that the socket is in its rooms. Everything up to `position` was delivered on its event loop before.
    package mutating func attached(at position: EventPosition) -> RestoreAction {
        guard case .attaching(let record) = state else { return .wait }
        // The client may come from a server that is ahead of this one.
        deliveredUpTo = max(position, request.offset)
        state = .reading(record)
        return .read(record, after: max(request.offset, record.start), through: deliveredUpTo)
    }

    /// Notes that every event up to the position of ``attached(at:)`` has been read.
    package mutating func read() -> RestoreAction {
        guard case .reading(let record) = state else { return .wait }
        state = .restored
        return .finish(record)
    }

    // MARK: At any time

    /// Notes that the connection is lost.
    package mutating func lost() -> RestoreAction {
        defer { state = .over }
        switch state {
        case .attaching(var record), .reading(var record):
            // The client has only the events that its offset covers, since nothing has been sent to it.
            record.position = max(request.offset, record.start)
            return .putBack(record)
        case .lookingUp, .middlewares, .releasing, .claiming, .restored, .over:
            return .drop
        }
    }

    /// Decides about a packet for the socket that is delivered on its event loop. `position` is nil for a packet
    /// without one.
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
