// Part of socketio-server, MIT licence; see LICENSE.

/// How a session ended: the reason applications see, and a detail for logs and metrics.
package struct SessionEnd: Equatable, Sendable {
    package var reason: CloseReason
    /// What exactly happened, in words; nil when the reason says all.
    package var detail: String?

    package init(_ reason: CloseReason, detail: String? = nil) {
        self.reason = reason
        self.detail = detail
    }
}

/// The life of one session and its heartbeat (protocol 1.11).
///
///     opening ──opened──▶ open ──closeRequested──▶ closing ──transportFinished / time-out──▶ closed
///                          └───────── peer closed, fault, ping timeout ─────────────────────▶ closed
///
/// A session needs one timer slot: it waits for the next ping, for the pong, or (closing) for its transport to finish.
/// Every output that names a `SessionTimer` replaces what was armed before. `finish` comes out exactly once; then the
/// owner cancels the timer, closes transport and candidate, tells the handler and forgets the session.
package struct SessionStateMachine: Sendable {
    private enum State: UInt8 {
        case opening
        case open
        case closing
        case closed
    }

    private enum Heartbeat: UInt8 {
        case waitingToPing
        case waitingForPong
        /// In revision 3 clients send the pings.
        case waitingForClient
    }

    private var state: State = .opening
    private var heartbeat: Heartbeat = .waitingToPing

    package init(isRevision3: Bool = false) {
        if isRevision3 { heartbeat = .waitingForClient }
    }

    /// What the session's only timer has to wait for.
    package enum SessionTimer: Equatable, Sendable {
        /// `pingInterval`.
        case pingInterval
        /// `pingTimeout`.
        case pongTimeout
        /// `pingInterval` and `pingTimeout`: how long a client of revision 3 may be silent.
        case clientPing
        /// `SessionStateMachine.closeTimeoutMilliseconds`.
        case closeTimeout
    }

    /// How long a closing polling session waits for the poll that fetches the close packet (protocol 1.11).
    package static let closeTimeoutMilliseconds = 30_000

    /// Whether packets may be sent and received.
    package var isOpen: Bool { state == .open }

    /// Whether the session has not finished: open, or waiting for its transport to close.
    package var isAlive: Bool { state != .closed }

    /// Whether an orderly close waits for the transport.
    package var isClosing: Bool { state == .closing }

    /// Whether the timer that is armed waits for a pong, or for the ping of a client of revision 3.
    package var isWaitingForPong: Bool { state == .open && heartbeat != .waitingToPing }

    /// The handshake is done. Returns the timer to arm; the owner may fire the first ping early, never late.
    package mutating func opened() -> SessionTimer {
        precondition(state == .opening, "a session is opened once")
        state = .open
        return heartbeat == .waitingForClient ? .clientPing : .pingInterval
    }

    package enum TimerAction: Equatable, Sendable {
        /// Send a ping and arm the `pongTimeout`.
        case sendPing
        case finish(SessionEnd)
        case none
    }

    /// The armed timer has fired.
    package mutating func timerFired() -> TimerAction {
        switch state {
        case .open where heartbeat == .waitingToPing:
            heartbeat = .waitingForPong
            return .sendPing
        case .open:
            return .finish(finish(.pingTimeout))
        case .closing:
            return .finish(finish(.forcedClose, "the client did not fetch the close packet"))
        case .opening, .closed:
            return .none
        }
    }

    package enum PacketAction: Equatable, Sendable {
        /// Pass it to the handler.
        case deliver(EngineMessage)
        /// A pong: arm the `pingInterval`.
        case restartPingInterval
        /// The ping of a client of revision 3: answer it and arm `clientPing`.
        case answerPing
        /// A close packet. Polling answers its pending poll with a noop (`PollingStateMachine.closePacketReceived`)
        /// before the session finishes.
        case finish(SessionEnd)
        case ignore
    }

    /// What becomes of `message` packets of the current transport: they are passed on, or ignored.
    package var deliversMessages: Bool { state == .open }

    /// A packet of the current transport has arrived.
    package mutating func packetReceived(_ packet: consuming EnginePacket) -> PacketAction {
        guard state == .open else {
            // A closing session discards what arrives, except that the client goes too.
            if state == .closing, case .close = packet { return .finish(finish(.transportClose)) }
            return .ignore
        }
        switch consume packet {
        case .message(let message):
            return .deliver(message)
        case .pong where heartbeat != .waitingForClient:
            heartbeat = .waitingToPing
            return .restartPingInterval
        case .ping where heartbeat == .waitingForClient:
            return .answerPing
        case .ping, .pong:
            return .finish(finish(.transportError, "invalid heartbeat direction"))
        case .close:
            return .finish(finish(.transportClose, "close packet"))
        case .open, .upgrade, .noop:
            return .ignore
        }
    }

    /// Bytes of the current transport were no packet. Nil means that the session was not open and nothing happens.
    package mutating func packetInvalid(_ error: EnginePacketError) -> SessionEnd? {
        guard state == .open else { return nil }
        return finish(.parseError, error.description)
    }

    package enum UpgradeAction: Equatable, Sendable {
        /// Make the candidate the transport; the timer stays as it is.
        case adopt
        /// The same, and arm a full `pongTimeout`: the ping went out on the old transport, its pong may be lost.
        case adoptAndRestartPongTimeout
        /// The session was waiting to close: close the candidate and finish.
        case finish(SessionEnd)
        /// The session is gone: close the candidate.
        case closeCandidate
    }

    /// The upgrade machine said `complete` (protocol 1.10, rule 4).
    package mutating func upgraded() -> UpgradeAction {
        switch state {
        case .open: return heartbeat == .waitingForPong ? .adoptAndRestartPongTimeout : .adopt
        case .closing: return .finish(finish(.forcedClose))
        case .opening, .closed: return .closeCandidate
        }
    }

    package enum CloseAction: Equatable, Sendable {
        /// Arm the `closeTimeout` and close the transport, which says `transportFinished`, possibly at once.
        case closeTransport
        case none
    }

    /// The application wants to close. Without `discard`, the transport sends what is pending first.
    package mutating func closeRequested() -> CloseAction {
        guard state == .open || state == .opening else { return .none }
        state = .closing
        return .closeTransport
    }

    /// The transport has done what `closeTransport` asked: WebSocket when its close frame is queued, polling when a
    /// poll was answered with the close packet. Nil means that the session had already finished.
    package mutating func transportFinished(detail: String? = nil) -> SessionEnd? {
        guard state == .closing else { return nil }
        return finish(.forcedClose, detail)
    }

    /// The peer closed the transport. Nil means that the session had already finished.
    package mutating func transportClosed(detail: String? = nil) -> SessionEnd? {
        guard state != .closed else { return nil }
        return finish(.transportClose, detail)
    }

    /// The transport failed, or the peer broke its rules. Nil means that the session had already finished.
    package mutating func transportFailed(detail: String) -> SessionEnd? {
        guard state != .closed else { return nil }
        return finish(.transportError, detail)
    }

    private mutating func finish(_ reason: CloseReason, _ detail: String? = nil) -> SessionEnd {
        state = .closed
        return SessionEnd(reason, detail: detail)
    }
}
