// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import LoopConfinement
internal import NIOCore
internal import Synchronization

/// The part of a namespace on one event loop, as any thread may use it.
final class NamespaceShard: Sendable {
    let shard: ShardContext
    var engine: Shard { shard.engine }
    private let count: SocketCount
    let core: LoopBound<NamespaceShardCore>

    init(
        name: String, number: Int32, shard: ShardContext, nodeRooms: NodeRooms, observers: RoomObservers,
        log: NamespaceLog?
    ) {
        let count = SocketCount()
        self.shard = shard
        self.count = count
        self.core = LoopBound(with: shard.core) {
            NamespaceShardCore(
                name: name, number: number, shard: $0, count: count, nodeRooms: nodeRooms, observers: observers,
                log: log)
        }
    }

    /// Connected sockets.
    var socketCount: Int { count.value }

    /// Whether events have to come here: sockets are connected, or about to be.
    var expectsEvents: Bool { count.value > 0 || count.expected > 0 }

    /// Does something on the loop: at once for a caller who is there, else in the order of the calls.
    func run(_ work: @escaping @Sendable (NamespaceShardCore) -> Void) {
        engine.run { [core] in core.runIfHere(work) }
    }

    /// Does something on the loop and returns what it returns.
    func perform<Value: Sendable>(_ work: @escaping @Sendable (NamespaceShardCore) -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            run { continuation.resume(returning: work($0)) }
        }
    }
}

/// How many sockets of a namespace are connected on one event loop, or are about to be. Changed there, read anywhere.
final class SocketCount: Sendable {
    private let count = Atomic(0)
    private let comingCount = Atomic(0)

    var value: Int { count.load(ordering: .acquiring) }

    func change(by difference: Int) { count.wrappingAdd(difference, ordering: .releasing) }

    /// Sockets that are about to be connected, see ``NamespaceShardCore/attaching(_:)``.
    var expected: Int { comingCount.load(ordering: .acquiring) }

    func changeExpected(by difference: Int) { comingCount.wrappingAdd(difference, ordering: .releasing) }
}
