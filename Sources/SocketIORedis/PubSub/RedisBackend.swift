// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore

/// Redis publish/subscribe with the channels and messages of Node's adapter, under a ``Cluster``. From any thread.
///
///     Cluster, ClusterAdapter ──▶ PubSubChannel of a namespace, PeerChannel ──▶ RedisBus ──▶ RedisTransport ──▶ Redis
final class RedisBackend: ClusterBackend {
    let configuration: RedisClusterConfiguration
    let limits: MessagePackLimits
    let bus: RedisBus
    /// Whether Redis is one server, so that an echo comes after everything that was sent before it.
    private let isOneServer: Bool
    private let histories: RedisRoomHistory

    var eventLoop: any EventLoop { bus.core.eventLoop }
    var status: ClusterStatus { bus.status }
    var asksForNames: Bool { true }
    var failsWhenDown: Bool { configuration.outage.mode == .fail }

    init(
        _ transport: sending any PubSubTransport, configuration: RedisClusterConfiguration, services: ClusterServices
    ) {
        self.configuration = configuration
        isOneServer = transport.isOneServer
        limits = services.configuration.limits
        bus = RedisBus(
            transport: transport, policy: configuration.outage, counters: services.counters, logger: services.logger,
            log: services.log, maximumMessageBytes: configuration.maxMessageBytes)
        histories = RedisRoomHistory(bus: bus, configuration: configuration)
    }

    func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) {
        bus.core.run { bus in
            bus.onStatus = statusChanged
            bus.start()
        }
    }

    /// Also in a Redis Cluster: the events of one room are published by one server, and a gap in their numbers is noticed.
    func roomHistory() -> (any RoomHistory)? {
        histories.begin()
        return histories
    }

    func close() async { await bus.close() }

    func channel(namespace: String, uid: String) -> any ClusterChannel {
        guard namespace.isEmpty else { return PubSubChannel(self, namespace: namespace, uid: uid) }
        let channel = PeerChannel(bus, configuration, uid: uid)
        if isOneServer { bus.core.run { $0.makeEcho = { [weak channel] in channel?.echo($0) } } }
        return channel
    }

    /// Data of this node has come back. On the event loop.
    func heardOwn(_ message: ByteBuffer) { _ = bus.core.runIfHere { $0.heardOwn(message) } }

    // MARK: On the event loop

    var hearsOthers: Bool { bus.core.runIfHere { $0.hearsOthers } ?? false }
    var isOrderKept: Bool { bus.core.runIfHere { $0.isOrderKept } ?? false }
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
        let request = namespace.map { [ChannelNames(prefix: configuration.key, namespace: $0).request] } ?? []
        bus.core.run { $0.listeners(of: request, nodes: own, done) }
    }
}
