// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOServer

/// Tells the other nodes of this one: who it is, which adapters it has, how many clients, and that it lives.
///
/// Lives on the cluster's event loop; what it tells of the node is ``Announced``, and may be changed by anybody.
final class PeerHeartbeat {
    /// An adapter of this node.
    struct Member {
        let uid: String
        let local: MemoryAdapter
        /// Of the cluster, the same for all.
        let answers: AnswerGate
        /// Of the server, the same for all.
        let rates: RateBook
        /// Broadcasts published so far.
        let published: () -> UInt64
        /// A peer's adapter has gone.
        let peerLost: (_ uid: String) -> Void
        /// Whether answers of other nodes are waited for.
        let isWaiting: () -> Bool
        /// A peer tells how many broadcasts it has published.
        let peerPublished: (_ uid: String, _ count: UInt64) -> Void
    }

    /// What other threads set.
    struct Announced: Sendable {
        /// Whether this node is about to end.
        var isDraining = false
        /// Where it listens for the others.
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
    /// Whether the next one asks the others for theirs.
    private var owesHello = false
    private var greetedAt: NIODeadline?
    /// The busy users that the others were told of last, and when that was looked at.
    private var busy: [RateBook.Report] = []
    private var lookedAt: NIODeadline

    /// Namespaces whose uids are told with every heartbeat.
    private static let maximumRoutineNamespaces = 64
    /// What changes within this time is told at once.
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
        services.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isBeatScheduled = false
            self.beat(hello: self.owesHello)
        }
    }

    /// Answers a node that is new or asks who is there: at once, and all who do so shortly after with one heartbeat. Anybody who
    /// can publish may ask, when the nodes have no secret, and each answer goes to all nodes.
    func greet(hello: Bool = false) {
        let now = services.eventLoop.now
        if let greetedAt, now - greetedAt < Self.pause {
            owesHello = owesHello || hello
            return beatSoon()
        }
        greetedAt = now
        beat(hello: hello)
    }

    /// A heartbeat. With many namespaces their uids are told only when there is a reason to.
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

    /// What users use of the server's rates; nil while it has no namespace.
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

    /// Sends something to all nodes of this kind.
    func send(_ message: PeerMessage, _ done: ClusterCallback<Void>? = nil) {
        do {
            try channel.publish(message, to: nil, services.configuration, done)
        } catch {
            done?.fail(error)
        }
    }
}
