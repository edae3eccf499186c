// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import Synchronization

extension EngineServer {
    /// Takes from another configuration what may change while the server runs: the limits of admission at once, the limits
    /// of messages and queues for sessions that are opened from now on.
    package func reload(_ wanted: EngineConfiguration) {
        let startsCounting = admission.reload(wanted)
        if startsCounting { for shard in shards { shard.run { shard in self.countByAddress(shard) } } }
        context.pending.reload(wanted)
        var configuration = context.configuration
        configuration.maxHttpBufferSize = wanted.maxHttpBufferSize
        configuration.maxPacketsPerPayload = wanted.maxPacketsPerPayload
        configuration.maxFragmentsPerMessage = wanted.maxFragmentsPerMessage
        configuration.maxControlFramesPerSecond = wanted.maxControlFramesPerSecond
        configuration.keptHeaders = wanted.keptHeaders
        configuration.slowClientBytes = wanted.slowClientBytes
        configuration.slowClientTimeout = wanted.slowClientTimeout
        configuration.maxBufferedBytes = wanted.maxBufferedBytes
        configuration.slowClientPolicy = wanted.slowClientPolicy
        // Sessions that are open keep theirs, so the largest of all is what a body may have before its session is asked.
        bodyLimit.max(wanted.maxHttpBufferSize, ordering: .relaxed)
        context.budget.reload(limit: wanted.maxTotalBufferedBytes)
        newSessions.withLockedValue { $0 = EngineContext(configuration, log: context.log, sharing: context) }
    }

    /// Counts the sessions that were opened before there was a limit by address.
    private func countByAddress(_ shard: ShardCore) {
        for session in shard.allSessions() where session.machine.isAlive { admission.opened(session) }
    }

    /// What a session that is opened now goes by. Its lock is taken once for each.
    var contextForNewSession: EngineContext { newSessions.withLockedValue { $0 } }
}
