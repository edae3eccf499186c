// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import LoopConfinement
package import NIOCore

/// One event loop of the engine, for everybody: what lives there is in its ``ShardCore``.
package final class Shard: Sendable {
    /// Position among the server's shards; part of every sid.
    package let index: Int
    package let core: LoopReference<ShardCore>
    let inbox: ShardInbox
    let lag: LagMeter

    init(
        index: Int, eventLoop: any EventLoop, isOnlyShard: Bool, heartbeatResolution: TimeAmount,
        compression: PerMessageDeflateConfiguration? = nil, maximumUnhandledBytes: Int
    ) {
        let inbox = ShardInbox(eventLoop: eventLoop)
        self.index = index
        self.inbox = inbox
        self.lag = LagMeter(eventLoop: eventLoop)
        self.core = LoopReference(
            sending: ShardCore(
                index: index, home: inbox, isOnlyShard: isOnlyShard, heartbeatResolution: heartbeatResolution,
                compression: compression, maximumUnhandledBytes: maximumUnhandledBytes))
    }

    package var eventLoop: any EventLoop { inbox.eventLoop }

    /// Runs `work` on the shard's loop: at once when called there, else queued behind earlier work and run within the
    /// loop's next tick, all that has gathered in one go.
    package func run(_ work: @escaping @Sendable () -> Void) { inbox.run(work) }

    /// The same with what lives there.
    package func run(_ work: @escaping @Sendable (ShardCore) -> Void) { core.run(work) }
}
