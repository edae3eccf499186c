// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// Keeps the table of our nodes: hears their heartbeats, has this node's sent, and notices who has gone.
///
/// Confined to the bus's event loop but for what is ``Shared``, hence `@unchecked Sendable`.
final class PeerDirectory: @unchecked Sendable {
    /// What other threads see.
    private struct Shared: Sendable {
        var nodes: [ClusterNode] = []
        /// By the node's tag.
        var owners: NameDictionary<ForwardingNode> = [:]
    }

    typealias Member = PeerHeartbeat.Member

    let nodeID: String
    let configuration: RedisClusterConfiguration
    let bus: RedisBus
    private let channel: String
    let ownChannel: String
    private let shared = NIOLockedValueBox(Shared())

    let heartbeat: PeerHeartbeat
    var table: PeerTable
    /// Nil when the nodes have no secret: then messages of everyone who can publish to Redis are accepted.
    var verifier: PeerVerifier?
    let questions: PeerQuestions
    /// When the last routine heartbeat was sent, until it has come back.
    var beatSentAt: NIODeadline?
    private var timer: RepeatedTask?
    /// Made once, in `init`, with a reference back.
    var probe: PeerProbe?

    init(tag: String, configuration: RedisClusterConfiguration, bus: RedisBus) {
        var rng = SystemRandomNumberGenerator()
        self.nodeID = RandomID.make(length: 16, using: &rng)
        self.configuration = configuration
        self.bus = bus
        self.channel = "\(configuration.key)-node#"
        self.ownChannel = PeerMessage.channel(of: nodeID, key: configuration.key)
        self.heartbeat = PeerHeartbeat(
            nodeID: nodeID, tag: tag, channel: channel, configuration: configuration, bus: bus)
        self.table = PeerTable(timeout: configuration.peerTimeout)
        self.verifier = configuration.secret.map { PeerVerifier($0) }
        self.questions = PeerQuestions(nodeID: nodeID, configuration: configuration, bus: bus)
        self.probe = PeerProbe(
            bus: bus, key: configuration.key, nodeIDs: { [weak self] in self?.table.peers.map(\.nodeID) ?? [] },
            gone: { [weak self] in
                guard let self, let peer = self.table.left($0) else { return }
                self.lost(peer)
            })
    }

    // MARK: Life

    /// Subscribes and says hello. Returns when the others can be heard.
    func start() async throws {
        let (channel, ownChannel) = (channel, ownChannel)
        let handler: RedisBus.Handler = { [weak self] payload, _ in self?.received(payload, on: channel) }
        let ownHandler: RedisBus.Handler = { [weak self] payload, _ in self?.received(payload, on: ownChannel) }
        bus.onLoop { self.startTimer() }
        bus.watch(channel)
        try await bus.subscribe(channels: [(channel, handler), (ownChannel, ownHandler)])
        bus.onLoop {
            self.heartbeat.beat(hello: true)
            self.bus.hearingChanged()
        }
    }

    private func startTimer() {
        guard timer == nil else { return }
        heartbeat.start()
        timer = bus.eventLoop.scheduleRepeatedTask(
            initialDelay: configuration.heartbeatInterval, delay: configuration.heartbeatInterval
        ) { [weak self] task in
            guard let self else { return task.cancel() }
            self.tick()
        }
        probe?.start { [weak self] in
            guard let self else { return false }
            return self.questions.isWaiting || self.heartbeat.members.values.contains { $0.isWaiting() }
        }
    }

    /// Says goodbye.
    func stop() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            bus.onLoop {
                self.timer?.cancel()
                self.timer = nil
                self.heartbeat.stop()
                self.probe?.stop()
                self.questions.close()
                // Redis may stand still: a goodbye is not worth waiting for.
                let done = self.bus.eventLoop.makePromise(of: Void.self)
                let deadline = self.bus.eventLoop.scheduleTask(in: .milliseconds(500)) { done.succeed() }
                done.futureResult.whenComplete { _ in
                    deadline.cancel()
                    continuation.resume()
                }
                self.heartbeat.send(PeerMessage(.goodbye, node: self.nodeID)) { _ in done.succeed() }
            }
        }
    }

    /// Redis is back: whoever was silent could not be heard, and the others want to hear of this node.
    func linkRestored() {
        table.restartTimeouts(at: bus.eventLoop.now)
        heartbeat.beat(hello: true)
    }

    // MARK: Adapters of this node

    func add(_ member: Member, namespace: String) {
        bus.onLoop { self.heartbeat.add(member, namespace: namespace) }
    }

    func remove(namespace: String, uid: String) {
        bus.onLoop { self.heartbeat.remove(namespace: namespace, uid: uid) }
    }

    // MARK: Looking

    /// The other nodes. From any thread.
    var nodes: [ClusterNode] { shared.withLockedValue { $0.nodes } }

    /// Whether this node tells the others that it is about to end. From any thread.
    var isDraining: Bool {
        get { heartbeat.isDraining }
        set {
            heartbeat.isDraining = newValue
            bus.onLoop { self.heartbeat.beat() }
        }
    }

    /// Where requests for the sessions with this tag can be sent. From any thread.
    func owner(ofTag tag: String) -> ForwardingNode? { shared.withLockedValue { $0.owners[tag] } }

    /// Tells the others where this node listens for them. From any thread.
    func announce(_ node: ForwardingNode?) {
        heartbeat.forwarding = node
        bus.onLoop { self.heartbeat.beat() }
    }

    /// The other adapters of a namespace: uid to the node's tag. On the event loop.
    func adapters(of namespace: String) -> NameDictionary<String> { table.adapters(of: namespace) }

    /// Whether an adapter belongs to a node of this kind. On the event loop.
    func isPeer(_ uid: String) -> Bool { peer(ofUID: uid) != nil }

    /// The node of this kind that an adapter belongs to. On the event loop.
    func peer(ofUID uid: String) -> ClusterPeer? { table.node(ofUID: uid) }

    /// The nodes of this kind that have a namespace. On the event loop.
    func nodeIDs(of namespace: String) -> [String] {
        table.peers.filter { $0.uids[namespace] != nil }.map(\.nodeID)
    }

    // MARK: Asking

    /// Asks all peers with this namespace something. Returns their answers.
    func ask(_ what: PeerQuestions.Subject, namespace: String, options: BroadcastOptions) async throws -> [PeerMessage]
    {
        let query = QueryOptions.current
        return try await withCheckedThrowingContinuation { continuation in
            bus.onLoop {
                self.questions.ask(
                    what, namespace: namespace, options: options, query, peers: self.adapters(of: namespace)
                ) {
                    continuation.resume(with: $0)
                }
            }
        }
    }

    // MARK: Telling who is here

    func publishNodes() {
        let nodes = table.peers.map(ClusterNode.init).sorted { $0.id.precedesByBytes($1.id) }
        let owners = forwardingOwners()
        shared.withLockedValue { shared in
            shared.nodes = nodes
            shared.owners = owners
        }
        bus.counters.record(peers: nodes.count)
        bus.expectListeners(on: channel, count: nodes.count + 1)
    }

    private func forwardingOwners() -> NameDictionary<ForwardingNode> {
        var owners: NameDictionary<ForwardingNode> = [:]
        // Of two with the same tag the newer one: the other is its predecessor, and about to be forgotten.
        for peer in table.peers.sorted(by: { $0.startedAt < $1.startedAt }) {
            guard let address = peer.forwardAddress else { continue }
            owners[peer.tag] = ForwardingNode(address: address, key: peer.forwardKey.flatMap(ForwardingKey.init(hex:)))
        }
        return owners
    }
}
