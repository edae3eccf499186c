// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

extension Server {
    /// Starts to remove, at intervals, the expired sessions of clients that have not come back, and the events of histories
    /// that are too old. Later calls do nothing, and return false.
    @discardableResult
    func beginSweeping() -> Bool {
        let isFirst = [context.recovery?.beginSweeping(), context.histories?.beginSweeping()]
        guard isFirst.contains(true) else { return false }
        context.shards[0].run { self.scheduleSweep($0) }
        return true
    }

    private func scheduleSweep(_ shard: ShardContextCore) {
        _ = shard.timers.schedule(after: RecoverySessions.sweepInterval) { [weak self] in
            guard let self, !self.context.isClosing else { return }
            self.sweepSessions(now: shard.eventLoop.now)
            self.scheduleSweep(shard)
        }
    }

    func sweepSessions(now: NIODeadline) {
        context.recovery?.sweep(now: now)
        context.histories?.memory.sweep()
        for namespace in table.all { namespace.local.log?.trim(now: now) }
        table.forgetAbandoned()
    }
}

extension Namespace {
    /// Whether a client can still return to a session in the namespace.
    var mayBeContinued: Bool { local.log?.isNeeded(now: context.shards[0].eventLoop.now) ?? false }
}
