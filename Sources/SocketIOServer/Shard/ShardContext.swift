// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore
internal import SocketIOCore
internal import Synchronization

/// What the Socket.IO layer keeps per event loop, beside the engine's shard.
///
/// Immutable but for ``timers`` and ``received``, which are confined to the loop: the reason for `@unchecked Sendable`.
final class ShardContext: @unchecked Sendable {
    let shard: Shard
    let eventLoop: any EventLoop
    let executor: LoopExecutor
    let timers: TimerQueue
    /// On the loop only, like ``timers``.
    var received = ReceivedPackets()

    var index: Int { shard.index }

    init(_ shard: Shard) {
        self.shard = shard
        self.eventLoop = shard.eventLoop
        self.executor = LoopExecutor(eventLoop: shard.eventLoop)
        self.timers = TimerQueue(eventLoop: shard.eventLoop)
    }

    /// Runs `work` on the loop and returns what it returns.
    func perform<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            shard.run { continuation.resume(returning: work()) }
        }
    }
}

/// What all parts of one server share.
final class ServerContext: Sendable {
    let configuration: ServerConfiguration
    let shards: [ShardContext]
    let metrics: ServerMetrics
    let packetLimits: PacketLimits
    let clientLimits: ClientLimits
    private let closing = Atomic(false)

    /// Whether the server no longer takes clients.
    var isClosing: Bool { closing.load(ordering: .relaxed) }

    /// Marks the server as closing. Returns false when it was closing already.
    func beginClosing() -> Bool { !closing.exchange(true, ordering: .relaxed) }

    init(configuration: ServerConfiguration, shards: [ShardContext]) {
        self.configuration = configuration
        self.shards = shards
        self.metrics = ServerMetrics()
        self.packetLimits = configuration.packetLimits
        self.clientLimits = configuration.clientLimits
    }
}
