// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOServer

/// Tells the other nodes of this one: who it is, which adapters it has, how many clients, and that it lives.
///
/// Confined to the bus's event loop but for what is ``Shared``, hence `@unchecked Sendable`.
final class PeerHeartbeat: @unchecked Sendable {
    /// An adapter of this node.
    struct Member: Sendable {
        let uid: String
        let local: MemoryAdapter
        /// Of the server, the same for all.
        let rates: RateBook
        /// Broadcasts published so far; on the event loop.
        let published: @Sendable () -> UInt64
        /// A peer's adapter has gone; on the event loop.
        let peerLost: @Sendable (_ uid: String) -> Void
        /// Whether answers of other nodes are waited for; on the event loop.
        let isWaiting: @Sendable () -> Bool
        /// A peer tells how many broadcasts it has published; on the event loop.
        let peerPublished: @Sendable (_ uid: String, _ count: UInt64) -> Void
    }

    /// What other threads set.
    private struct Shared: Sendable {
        var isDraining = false
        /// Where this node listens for the others.
        var forwarding: ForwardingNode?
    }

    private let nodeID: String
    private let tag: String
    private let channel: String
    private let configuration: RedisClusterConfiguration
    private let bus: RedisBus
    private let startedAt = WallClock.milliseconds()
    private let shared = NIOLockedValueBox(Shared())

    /// This node's adapters by namespace.
    private(set) var members: NameDictionary<Member> = [:]
    private var isRunning = false
    private var isBeatScheduled = false
    /// The busy users that the others were told of last, and when that was looked at.
    private var busy: [RateBook.Report] = []
    private var lookedAt: NIODeadline

    /// Namespaces whose uids are told with every heartbeat.
    private static let maximumRoutineNamespaces = 64
    /// What changes within this time is told at once.
    private static let pause = TimeAmount.milliseconds(50)

    init(nodeID: String, tag: String, channel: String, configuration: RedisClusterConfiguration, bus: RedisBus) {
        self.nodeID = nodeID
        self.tag = tag
        self.channel = channel
        self.configuration = configuration
        self.bus = bus
        self.lookedAt = bus.eventLoop.now
    }

    func start() { isRunning = true }
    func stop() { isRunning = false }

    /// Whether the others are told that this node is about to end. From any thread.
    var isDraining: Bool {
        get { shared.withLockedValue { $0.isDraining } }
        set { shared.withLockedValue { $0.isDraining = newValue } }
    }

    /// Where the others are told to send requests for this node's sessions. From any thread.
    var forwarding: ForwardingNode? {
        get { shared.withLockedValue { $0.forwarding } }
        set { shared.withLockedValue { $0.forwarding = newValue } }
    }

    // MARK: Adapters

    func add(_ member: Member, namespace: String) {
        members[namespace] = member
        // The others wait for answers of adapters they know of only.
        var news = PeerMessage(.alive, node: nodeID)
        news.tag = tag
        news.uids = [namespace: member.uid]
        news.partial = true
        news.parts = true
        send(news)
    }

    func remove(namespace: String, uid: String) {
        guard members[namespace]?.uid.hasSameBytes(as: uid) ?? false else { return }
        members[namespace] = nil
        beatSoon()
    }

    // MARK: Telling

    /// Once for all that changes within a moment.
    private func beatSoon() {
        guard !isBeatScheduled else { return }
        isBeatScheduled = true
        bus.eventLoop.scheduleTask(in: Self.pause) {
            self.isBeatScheduled = false
            self.beat()
        }
    }

    /// A heartbeat. With many namespaces their uids are told only when there is a reason to.
    func beat(hello: Bool = false, isRoutine: Bool = false) {
        guard isRunning else { return }
        if isRoutine { lookForBusyUsers() }
        var message = PeerMessage(
            describeNode(), hello: hello,
            includesUIDs: !isRoutine || members.count <= Self.maximumRoutineNamespaces,
            includesCounts: bus.isOrderKept)
        message.rateReports = busy
        send(message)
    }

    /// What users use of the server's rates; nil while it has no namespace.
    var rates: RateBook? { members.first?.value.rates }

    private func lookForBusyUsers() {
        let now = bus.eventLoop.now
        let seconds = Double((now - lookedAt).nanoseconds) / 1e9
        lookedAt = now
        busy = rates?.reports(after: seconds) ?? []
    }

    private func describeNode() -> ClusterPeer {
        let shared = shared.withLockedValue { $0 }
        var this = ClusterPeer(
            nodeID: nodeID, tag: tag, uids: members.mapValues(\.uid), version: RedisCluster.version,
            startedAt: startedAt, isDraining: shared.isDraining, address: configuration.address,
            sessions: configuration.sessionCount?() ?? 0,
            sockets: members.values.reduce(0) { $0 + $1.local.socketCount },
            published: members.mapValues { $0.published() })
        this.takesParts = true
        this.forwardAddress = shared.forwarding?.address
        this.forwardKey = shared.forwarding?.key?.hex
        return this
    }

    /// Sends something to all nodes of this kind.
    func send(_ message: PeerMessage, _ done: (@Sendable (Result<Int, any Error>) -> Void)? = nil) {
        do {
            bus.publish(try message.signal(to: channel, key: configuration.secret, done))
        } catch {
            done?(.failure(error))
        }
    }
}
