// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore

/// The back end of a ``Cluster`` that uses sharded publish/subscribe, with the messages of Node's `createShardedAdapter`.
/// From any thread.
///
///     Cluster, ClusterAdapter ──▶ ShardedChannel of a namespace, PeerChannel ──▶ RedisBus ──▶ transport ──▶ Redis
///                                      └◀── ShardedSubscriptions, by channel ◀──┘
final class ShardedBackend: ClusterBackend {
    let configuration: RedisClusterConfiguration
    let mode: ShardedPubSub.SubscriptionMode
    let limits: MessagePackLimits
    let bus: RedisBus
    let subscriptions: LoopBound<ShardedSubscriptions>
    private let channels = NIOLockedValueBox<[WeakChannel]>([])

    private struct WeakChannel: Sendable {
        weak var channel: ShardedChannel?
    }

    /// Whether Redis is one server, which keeps the order of all messages of a connection.
    private let isOneServer: Bool
    private let histories: RedisRoomHistory

    var eventLoop: any EventLoop { bus.core.eventLoop }
    var status: ClusterStatus { bus.status }
    var failsWhenDown: Bool { configuration.outage.mode == .fail }

    init(
        _ transport: sending any PubSubTransport, configuration: RedisClusterConfiguration, sharded: ShardedPubSub,
        services: ClusterServices
    ) {
        self.configuration = configuration
        mode = sharded.subscriptionMode
        limits = services.configuration.limits
        isOneServer = transport.isOneServer
        bus = RedisBus(
            transport: transport, policy: configuration.outage, counters: services.counters, logger: services.logger,
            log: services.log, maximumMessageBytes: configuration.maxMessageBytes)
        histories = RedisRoomHistory(bus: bus, configuration: configuration)
        subscriptions = LoopBound(with: bus.core) { ShardedSubscriptions($0) }
    }

    func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) {
        bus.core.run { bus in
            bus.onStatus = statusChanged
            bus.start()
        }
        // From now on the status depends on it.
        subscriptions.run { _ in }
    }

    /// In a Redis Cluster, the server that has a room's history may not publish on a sharded channel of another slot.
    func roomHistory() -> (any RoomHistory)? {
        guard isOneServer else { return nil }
        histories.begin()
        return histories
    }

    var historyRefusal: String? {
        isOneServer
            ? nil
            : "durable rooms do not work with sharded publish/subscribe on a Redis Cluster; use adapter: redis "
                + "(RedisClusterConfiguration.sharded = nil)"
    }

    func close() async { await bus.close() }

    func channel(namespace: String, uid: String) -> any ClusterChannel {
        guard namespace.isEmpty else {
            let channel = ShardedChannel(self, namespace: namespace, uid: uid)
            channels.withLockedValue { channels in
                channels.removeAll { $0.channel == nil }
                channels.append(WeakChannel(channel: channel))
            }
            return channel
        }
        let channel = PeerChannel(bus, configuration, uid: uid)
        // Several servers have no common order, so there an echo says nothing about the messages before it.
        if isOneServer { bus.core.run { $0.makeEcho = { [weak channel] in channel?.echo($0) } } }
        return channel
    }

    /// Whether Redis has confirmed the subscriptions to all rooms that there are.
    var areRoomsSettled: Bool {
        channels.withLockedValue { $0 }.allSatisfy { $0.channel?.areRoomsSettled ?? true }
    }

    /// Notes that a message of this node has come back. On the event loop.
    func heardOwn(_ message: ByteBuffer) { _ = bus.core.runIfHere { $0.heardOwn(message) } }

    // MARK: On the event loop

    var hearsOthers: Bool { bus.core.runIfHere { $0.hearsOthers } ?? false }
    var isOrderKept: Bool { isOneServer && bus.core.runIfHere { $0.isOrderKept } ?? false }
    var localAddress: String? { bus.core.runIfHere { $0.localAddress } ?? nil }

    func heartbeatSent() {
        bus.core.run { bus in
            bus.sampleSubscribers()
            bus.retryEcho()
        }
    }

    func knows(servers: Int) {
        let channel = PeerMessage.channel(key: configuration.key)
        bus.core.run { $0.expectListeners(on: channel, count: servers) }
    }

    func heardEcho(_ number: UInt64) { bus.core.run { $0.heardEcho(number) } }

    func listeners(in namespace: String?, nodes: [String], _ done: ClusterCallback<ClusterListeners>) {
        let own = nodes.map { PeerMessage.channel(of: $0, key: configuration.key) }
        let all = namespace.map { [ShardedNames(prefix: configuration.key, namespace: $0, uid: "").all] } ?? []
        bus.core.run { $0.listeners(of: all, nodes: own, done) }
    }
}
