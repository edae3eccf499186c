// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// An upgrade under way: the candidate and its two timers. It exists for the moment between the 101 and the `5`.
final class UpgradeAttempt {
    let candidate: WebSocketTransport
    var timeout: Scheduled<Void>?
    var noopCheck: Scheduled<Void>?

    init(candidate: WebSocketTransport) { self.candidate = candidate }

    func cancelTimers() {
        timeout?.cancel()
        noopCheck?.cancel()
    }
}

/// The move from polling to WebSocket (protocol 1.10).
extension SessionCore {
    /// A WebSocket that names this session has answered its 101.
    func candidateOpened(_ candidate: WebSocketTransport) {
        guard upgradeMachine.candidateOpened(sessionIsOpen: machine.isOpen) == .accept else {
            context.metrics.upgrade(.refused)
            return candidate.end(isBroken: false)
        }
        candidate.attach(to: self)
        let attempt = UpgradeAttempt(candidate: candidate)
        attempt.timeout = shard.loop.scheduleTask(in: context.upgradeTimeout) {
            self.perform(self.upgradeMachine.timedOut(), outcome: .timedOut)
        }
        upgradeAttempt = attempt
    }

    /// A packet of a WebSocket, which may be the current transport or the candidate.
    func received(_ packet: consuming EnginePacket, from transport: WebSocketTransport) {
        if transport === activeTransport { return received(packet) }
        guard upgradeAttempt?.candidate === transport else { return }
        perform(upgradeMachine.candidatePacket(packet))
    }

    /// A message of a WebSocket: the same as in a packet, which is not made around those of the current transport.
    func received(_ message: consuming EngineMessage, from transport: WebSocketTransport) {
        if transport === activeTransport { received(message) } else { received(.message(message), from: transport) }
    }

    func receivedInvalid(_ error: EnginePacketError, from transport: WebSocketTransport) {
        if transport === activeTransport { return receivedInvalid(error) }
        guard upgradeAttempt?.candidate === transport else { return }
        perform(upgradeMachine.candidatePacketInvalid())
    }

    /// A WebSocket that is not the current transport is gone.
    func candidateClosed(_ transport: any Transport) {
        guard upgradeAttempt?.candidate === transport, upgradeMachine.candidateClosed() else { return }
        context.metrics.upgrade(.dropped)
        endAttempt()?.end(isBroken: false)
    }

    /// The session ends: so does its candidate.
    func abandonUpgrade() {
        guard upgradeMachine.sessionClosed() else { return }
        context.metrics.upgrade(.dropped)
        endAttempt()?.end(isBroken: false)
    }

    private func perform(
        _ action: UpgradeStateMachine.PacketAction, outcome: EngineMetrics.UpgradeOutcome = .dropped
    ) {
        switch action {
        case .answerProbe:
            upgradeAttempt?.candidate.sendProbeAnswer()
            armNoopCheck()
        case .complete:
            completeUpgrade()
        case .dropCandidate:
            context.metrics.upgrade(outcome)
            endAttempt()?.end(isBroken: false)
        case .ignore:
            break
        }
    }

    /// While the client waits for its outstanding poll, gives it back every 100 ms.
    private func armNoopCheck() {
        guard let upgradeAttempt else { return }
        upgradeAttempt.noopCheck?.cancel()
        let interval = TimeAmount.milliseconds(Int64(UpgradeStateMachine.noopIntervalMilliseconds))
        upgradeAttempt.noopCheck = shard.loop.scheduleTask(in: interval) {
            guard self.upgradeMachine.noopTimerFired() == .releasePoll else { return }
            (self.activeTransport as? PollingTransport)?.releasePoll()
            self.armNoopCheck()
        }
    }

    private func completeUpgrade() {
        guard let candidate = endAttempt() else { return }
        // What the client has posted comes before what it sends on the new transport.
        (activeTransport as? PollingTransport)?.deliverHeld()
        let action = machine.upgraded()
        switch action {
        case .adopt, .adoptAndRestartPongTimeout:
            if action == .adoptAndRestartPongTimeout { arm(.pongTimeout) }
            let polling = activeTransport
            activeTransport = candidate
            handle?.noteUpgraded()
            if isInputHeld { candidate.pauseInput(until: heldUntil) }
            context.metrics.sessionUpgraded()
            polling.end(isBroken: false)
            if let leftover {
                feed(from: leftover)
                progressed()
            }
            handler?.upgraded(to: .websocket)
        case .finish(let end):
            candidate.end(isBroken: false)
            finish(end)
        case .closeCandidate:
            candidate.end(isBroken: false)
        }
    }

    private func endAttempt() -> WebSocketTransport? {
        let attempt = upgradeAttempt
        upgradeAttempt = nil
        attempt?.cancelTimers()
        return attempt?.candidate
    }
}
