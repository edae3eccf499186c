// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Metrics
internal import NIOCore

/// Sessions that nobody has begun to use yet. A client can open them without end, at the price of one request each, so their
/// number is limited, and so is what is kept of their requests.
extension SessionCore {
    /// The session is in use: from now on it is not ended for being one of too many that nobody uses.
    ///
    /// Called once by the layer above, on the loop, when its client has shown that it is one: in Socket.IO when it has
    /// joined a namespace. An application on the engine alone calls it with the first message at the latest.
    package func markEstablished() {
        // Without a word of its client: that it has joined shows nothing before its next request.
        guard !isRevision3 || activeTransport.name == .websocket || legacyUse == .returned else {
            return legacyUse = .joined
        }
        leavePending()
    }

    /// What a polling client of revision 3 has done. It joins the main namespace by its handshake alone.
    enum LegacyUse: UInt8 {
        case none
        case joined
        case returned
    }

    /// The client has sent a request after its handshake.
    func clientReturned() {
        guard isRevision3, legacyUse != .returned else { return }
        let hasJoined = legacyUse == .joined
        legacyUse = .returned
        if hasJoined { leavePending() }
    }

    /// Notes that the session has been opened, and makes room for it.
    func enterPending() {
        let bytes = handle?.handshake.keptBytes ?? 0
        guard shard.pending.add(self, bytes: bytes) else { return }
        context.pending.added(bytes: bytes)
        while let excess = context.pending.excess, let oldest = shard.pending.oldest, oldest !== self {
            oldest.evict(excess)
        }
        context.metrics.pendingSessions.record(context.pending.sessionCount)
    }

    /// It is in use, or over.
    func leavePending() {
        guard let bytes = shard.pending.remove(self) else { return }
        context.pending.removed(bytes: bytes)
        context.metrics.pendingSessions.record(context.pending.sessionCount)
    }

    private func evict(_ excess: PendingBudget.Excess) {
        leavePending()
        switch excess {
        case .sessions:
            context.metrics.limits.count(.maxPendingSessions)
            context.log.log(.tooManyPendingSessions)
        case .bytes:
            context.metrics.limits.count(.maxPendingBytes)
            context.log.log(.tooManyPendingBytes)
        }
        // Nobody waits for its client, which may be gone for long.
        if machine.closeRequested() == .closeTransport {
            shard.closeSlot(of: self)
            dropLeftover()
            _ = activeTransport.closeOrderly(discard: true, hasBacklog: false)
        }
        finish(machine.transportFinished(detail: "one of too many that nobody used (\(excess.rawValue))"))
    }
}
