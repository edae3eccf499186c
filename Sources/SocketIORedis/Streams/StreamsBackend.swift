// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// The back end of a ``Cluster`` that uses Redis streams, with the entries of Node's streams adapter. From any thread.
///
///     Cluster, ClusterAdapter ──▶ StreamChannel of a namespace, PeerChannel ──▶ RedisBus ──▶ RedisTransport ──▶ Redis
///                                      └◀── StreamHub ◀── readers ◀── Redis
final class StreamsBackend: ClusterBackend {
    let configuration: RedisClusterConfiguration
    let streams: RedisStreams
    let names: StreamNames
    let limits: MessagePackLimits
    let bus: RedisBus
    let hub: LoopBound<StreamHub>
    private let sessions: RedisSessionStore
    private let histories: RedisRoomHistory
    private let ordered = NIOLockedValueBox<NameDictionary<Ordered>>([:])

    /// A weak reference to a namespace, which may be forgotten in the meantime.
    private struct Ordered: Sendable {
        weak var local: MemoryAdapter?
    }

    var eventLoop: any EventLoop { bus.core.eventLoop }
    var status: ClusterStatus { bus.status }
    var failsWhenDown: Bool { configuration.outage.mode == .fail }

    init(
        _ transport: sending any PubSubTransport, configuration: RedisClusterConfiguration, streams: RedisStreams,
        services: ClusterServices
    ) {
        self.configuration = configuration
        self.streams = streams
        names = StreamNames(name: streams.name, count: streams.count)
        limits = services.configuration.limits
        bus = RedisBus(
            transport: transport, policy: configuration.outage, counters: services.counters, logger: services.logger,
            log: services.log, maximumMessageBytes: configuration.maxMessageBytes)
        hub = LoopBound(with: bus.core) { StreamHub($0, streams) }
        sessions = RedisSessionStore(
            bus: bus, hub: hub, names: names, configuration: configuration, maximumBytes: streams.maxSessionBytes,
            prefix: streams.sharesSessionsWithNode ? .shared : .own, counters: services.counters)
        if streams.sharesSessionsWithNode {
            services.logger.warning(
                "Sessions are shared with Node.js servers, which do not bind them to namespaces")
        }
        histories = RedisRoomHistory(bus: bus, configuration: configuration)
    }

    deinit { if status != .closed { hub.execute { $0.close() } } }

    func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void) {
        bus.core.run { bus in
            bus.onStatus = statusChanged
            bus.start()
        }
        hub.run { $0.start() }
    }

    func sessionStore(of namespace: String, local: MemoryAdapter) -> (any SessionStore)? {
        ordered.withLockedValue { $0[namespace] = Ordered(local: local) }
        return sessions
    }

    func roomHistory() -> (any RoomHistory)? {
        histories.begin()
        return histories
    }

    /// Has clients told which events they get early, and the other nodes which they were. On the event loop.
    func follow(_ own: OwnMessages, in namespace: String, uid: String) {
        own.onEarly = { [weak self] in
            self?.orderedNamespace(namespace)?.setEarly(EarlyMark(node: uid, number: $0))
        }
        own.onSettled = { [weak self, weak own] in
            guard let self, let own, let local = orderedNamespace(namespace) else { return }
            local.setEarly(nil)
            sessions.keep(own.early, of: uid, for: local.eventAge)
        }
    }

    /// The sockets of a namespace that has one order on all nodes; nil for other namespaces.
    func orderedNamespace(_ namespace: String) -> MemoryAdapter? {
        ordered.withLockedValue { $0[namespace]?.local }
    }

    func close() async {
        await sessions.finish()
        await hub.get { $0.close() }
        await bus.close()
    }

    func channel(namespace: String, uid: String) -> any ClusterChannel {
        guard namespace.isEmpty else { return StreamChannel(self, namespace: namespace, uid: uid) }
        hub.run { $0.nodeID = uid }
        sessions.owner = uid
        // Different streams have no common order, so with several an echo says nothing about the other streams.
        if streams.count == 1 {
            let (streams, stream) = (streams, names.stream(of: ""))
            bus.core.run { bus in
                bus.makeEcho = { number in
                    var echo = PublishMessage(
                        command: StreamsWireFormat.echo(number, node: uid, stream: stream, streams), kind: .signal)
                    echo.isEcho = true
                    return echo
                }
            }
        }
        return PeerChannel(bus, configuration, uid: uid)
    }

    /// Notes that an entry of this node has come back. On the event loop.
    func heardOwn(_ data: ByteBuffer) { _ = bus.core.runIfHere { $0.heardOwn(data) } }

    // MARK: On the event loop

    var hearsOthers: Bool { bus.core.runIfHere { $0.hearsOthers } ?? false }
    var localAddress: String? { bus.core.runIfHere { $0.localAddress } ?? nil }

    func heartbeatSent() {
        bus.core.run { bus in
            bus.sampleSubscribers()
            bus.retryEcho()
        }
        hub.run { $0.heartbeatSent() }
    }

    func knows(servers: Int) {
        let channel = PeerMessage.channel(key: configuration.key)
        bus.core.run { $0.expectListeners(on: channel, count: servers) }
    }

    func listeners(in namespace: String?, nodes: [String], _ done: ClusterCallback<ClusterListeners>) {
        let own = nodes.map { PeerMessage.channel(of: $0, key: configuration.key) }
        let request = namespace.map { [StreamChannel.channel(key: configuration.key, namespace: $0)] } ?? []
        bus.core.run { $0.listeners(of: request, nodes: own, done) }
    }
}
