// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOServer

/// Tells the other nodes about this one: its id, its adapters, the number of its clients, and that it is alive.
///
/// Lives on the cluster's event loop. The facts that other threads may change are in ``Announced``.
final class PeerHeartbeat {
    /// An adapter of this node.
    struct Member {
        let uid: String
        let local: MemoryAdapter
        /// Shared by all adapters of the cluster.
        let answers: AnswerGate
        /// Shared by all adapters of the server.
        let rates: RateBook
        /// Broadcasts published so far.
        let published: () -> UInt64
        /// Called when a peer's adapter has gone.
        let peerLost: (_ uid: String) -> Void
        /// Whether the adapter waits for answers of other nodes.
        let isWaiting: () -> Bool
        /// Called when a peer tells how many broadcasts it has published.
        let peerPublished: (_ uid: String, _ count: UInt64) -> Void
    }

    /// The facts that other threads set.
    struct Announced: Sendable {
        /// Whether this node is about to end.
        var isDraining = false
        /// Where it accepts requests of the others.
        var forwarding: ForwardingNode?
    }

    private let nodeID: String
    private let tag: String
    private let channel: any ClusterChannel
    private let services: ClusterServices
    private let backend: any ClusterBackend
    private let startedAt = WallClock.milliseconds()
    private let announced: NIOLockedValueBox<Announced>

    /// This node's adapters by namespace.
    private(set) var members: NameDictionary<Member> = [:]
    private var isRunning = false
    private var isBeatScheduled = false
    /// Whether the next heartbeat asks the others for theirs.
    private var owesHello = false
    private var greetedAt: NIODeadline?
    /// The busy users in the last heartbeat. `lookedAt` is when they were determined.
    private var busy: [RateBook.Report] = []
    private var lookedAt: NIODeadline

    /// With more namespaces than this, routine heartbeats do not contain the uids of the adapters.
    private static let maximumRoutineNamespaces = 64
    /// Changes within this time share one heartbeat.
    private static let pause = TimeAmount.milliseconds(50)

    init(
        nodeID: String, tag: String, channel: any ClusterChannel, services: ClusterServices,
        backend: any ClusterBackend, announced: NIOLockedValueBox<Announced>
    ) {
        self.nodeID = nodeID
        self.tag = tag
        self.channel = channel
        self.services = services
        self.backend = backend
        self.lookedAt = services.eventLoop.now
        self.announced = announced
    }

    func start() { isRunning = true }
    func stop() { isRunning = false }

    // MARK: Adapters

    func add(_ member: Member, namespace: String) {
        members[namespace] = member
        // The others wait only for answers of adapters that they know.
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

    /// Sends one heartbeat for all changes within ``pause``.
    private func beatSoon() {
        guard !isBeatScheduled else { return }
        isBeatScheduled = true
        services.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isBeatScheduled = false
            self.beat(hello: self.owesHello)
        }
    }

    /// Answers a node that is new or asks which nodes exist: the first one at once, and all that ask shortly after it
    /// with one further heartbeat. When the nodes have no secret, everyone who can publish may ask, and each answer
    /// goes to all nodes.
    func greet(hello: Bool = false) {
        let now = services.eventLoop.now
        if let greetedAt, now - greetedAt < Self.pause {
            owesHello = owesHello || hello
            return beatSoon()
        }
        greetedAt = now
        beat(hello: hello)
    }

    /// Sends a heartbeat. With many namespaces, a routine one does not contain the uids of the adapters.
    func beat(hello: Bool = false, isRoutine: Bool = false) {
        guard isRunning else { return }
        if hello { owesHello = false }
        if isRoutine { lookForBusyUsers() }
        var message = PeerMessage(
            describeNode(), hello: hello,
            includesUIDs: !isRoutine || members.count <= Self.maximumRoutineNamespaces,
            includesCounts: backend.isOrderKept)
        message.rateReports = busy
        send(message)
    }

    /// How much of the server's rates its users consume; nil while the server has no namespace.
    var rates: RateBook? { members.first?.value.rates }

    private func lookForBusyUsers() {
        let now = services.eventLoop.now
        let seconds = Double((now - lookedAt).nanoseconds) / 1e9
        lookedAt = now
        busy = rates?.reports(after: seconds) ?? []
    }

    private func describeNode() -> ClusterPeer {
        let announced = announced.withLockedValue { $0 }
        var this = ClusterPeer(
            nodeID: nodeID, tag: tag, uids: members.mapValues(\.uid), version: Cluster.version,
            startedAt: startedAt, isDraining: announced.isDraining, address: services.configuration.address,
            sessions: services.configuration.sessionCount?() ?? 0,
            sockets: members.values.reduce(0) { $0 + $1.local.socketCount },
            published: members.mapValues { $0.published() })
        this.takesParts = true
        this.forwardAddress = announced.forwarding?.address
        this.forwardKey = announced.forwarding?.key?.hex
        return this
    }

    /// Sends a message to all nodes of this kind.
    func send(_ message: PeerMessage, _ done: ClusterCallback<Void>? = nil) {
        do {
            try channel.publish(message, to: nil, services.configuration, done)
        } catch {
            done?.fail(error)
        }
    }
}
