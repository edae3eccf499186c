// Part of socketio-server, MIT licence; see LICENSE.

/// The move of a session from polling to a WebSocket candidate (protocol 1.10).
///
///     idle ──candidateOpened──▶ opened ──2probe──▶ probed ──5──▶ upgraded
///       ▲                         │  └──────────────5──────────────▲
///       └── dropped: odd packet, time-out, candidate closed ◀──────┘ (opened or probed)
///
/// Two timers, both owned by the caller: `upgradeTimeout` from `accept` on, and while probed a check every 100 ms that
/// releases the client's held poll. Late timers are harmless.
package struct UpgradeStateMachine: Sendable {
    private enum State: UInt8 {
        case idle
        case opened
        case probed
        case upgraded
        case closed
    }

    private var state: State

    /// How often a held poll is looked for while the client waits for it.
    package static let noopIntervalMilliseconds = 100

    /// - Parameter startedOnWebSocket: such a session accepts no candidate.
    package init(startedOnWebSocket: Bool = false) {
        state = startedOnWebSocket ? .upgraded : .idle
    }

    /// Whether a candidate exists.
    package var isUpgrading: Bool { state == .opened || state == .probed }

    package enum OpenAction: Equatable, Sendable {
        /// Keep it as the candidate and arm the `upgradeTimeout`.
        case accept
        /// Close the new WebSocket; the session is not touched.
        case refuse
    }

    /// A WebSocket that names this session is open.
    package mutating func candidateOpened(sessionIsOpen: Bool) -> OpenAction {
        guard state == .idle, sessionIsOpen else { return .refuse }
        state = .opened
        return .accept
    }

    package enum PacketAction: Equatable, Sendable {
        /// Send `3probe` on the candidate and arm (again) the noop check.
        case answerProbe
        /// Cancel both timers, ask `SessionStateMachine.upgraded`, close polling, make the candidate the transport and
        /// flush over it.
        case complete
        /// Cancel both timers and close the candidate; the session goes on with polling.
        case dropCandidate
        case ignore
    }

    /// A packet has arrived on the candidate.
    package mutating func candidatePacket(_ packet: EnginePacket) -> PacketAction {
        guard isUpgrading else { return .ignore }
        if packet.isProbePing {
            state = .probed
            return .answerProbe
        }
        // Node takes `5` without a probe; it harms nobody, since the pending poll is answered all the same.
        if case .upgrade = packet {
            state = .upgraded
            return .complete
        }
        return dropCandidate()
    }

    /// Something on the candidate was no packet.
    package mutating func candidatePacketInvalid() -> PacketAction { dropCandidate() }

    /// `upgradeTimeout` has passed.
    package mutating func timedOut() -> PacketAction { dropCandidate() }

    package enum NoopAction: Equatable, Sendable {
        /// Ask `PollingStateMachine.noopRequested` and arm the check again.
        case releasePoll
        /// The probing is over; do not arm it again.
        case stop
    }

    /// The 100 ms check is due.
    package func noopTimerFired() -> NoopAction { state == .probed ? .releasePoll : .stop }

    /// The candidate is gone by itself. True when it was one: cancel both timers; the session goes on with polling.
    package mutating func candidateClosed() -> Bool {
        guard isUpgrading else { return false }
        state = .idle
        return true
    }

    /// The session has finished. True when there is a candidate to close, and timers to cancel.
    package mutating func sessionClosed() -> Bool {
        let hadCandidate = isUpgrading
        state = .closed
        return hadCandidate
    }

    private mutating func dropCandidate() -> PacketAction {
        guard isUpgrading else { return .ignore }
        state = .idle
        return .dropCandidate
    }
}
