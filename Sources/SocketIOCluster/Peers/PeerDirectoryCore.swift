// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// Keeps the table of the nodes of this kind: receives their heartbeats, has this node's heartbeats sent, and notices
/// which nodes have gone. Lives on the cluster's event loop.
final class PeerDirectoryCore {
    typealias Member = PeerHeartbeat.Member

    let nodeID: String
    let services: ClusterServices
    let backend: any ClusterBackend
    private let channel: any ClusterChannel
    /// The channel names that signatures of messages to all nodes, and to this one, cover.
    let channelNames: (all: String, own: String)
    private let known: NIOLockedValueBox<PeerDirectory.Known>

    let heartbeat: PeerHeartbeat
    var table: PeerTable
    /// The numbers of other nodes' messages that have been seen, if they are numbered.
    var windows = SequenceWindows()
    /// Nil when the nodes have no secret: then messages of everyone who can publish are accepted.
    var verifier: PeerVerifier?
    let questions: PeerQuestions
    /// When the last routine heartbeat was sent; nil when it has come back.
    var beatSentAt: NIODeadline?
    /// When this node last looked for silent nodes, or began to; nil before that.
    var tickedAt: NIODeadline?
    private var timer: RepeatedTask?
    /// Up to this many nodes, every change is published without waiting for further ones.
    private static let fewNodes = 32
    private var isPublishScheduled = false
    /// How often the table has been published.
    private(set) var publications = 0
    /// Made once, in `init`, because it refers back to this object.
    private(set) var probe: PeerProbe?

    /// - Parameters:
    ///   - known: The table that other threads read.
    ///   - announced: The facts about this node that other threads set.
    init(
        nodeID: String, tag: String, services: ClusterServices, backend: any ClusterBackend,
        channel: any ClusterChannel, known: NIOLockedValueBox<PeerDirectory.Known>,
        announced: NIOLockedValueBox<PeerHeartbeat.Announced>
    ) {
        let configuration = services.configuration
        self.nodeID = nodeID
        self.services = services
        self.backend = backend
        self.known = known
        self.channel = channel
        self.channelNames = (
            PeerMessage.channel(key: configuration.key), PeerMessage.channel(of: nodeID, key: configuration.key)
        )
        self.heartbeat = PeerHeartbeat(
            nodeID: nodeID, tag: tag, channel: channel, services: services, backend: backend, announced: announced)
        self.table = PeerTable(
            timeout: TimeAmount(configuration.peerTimeout), maximumPeers: configuration.maxPeers,
            maximumBytes: configuration.maxPeerBytes)
        self.verifier = configuration.secret.map { PeerVerifier($0) }
        self.questions = PeerQuestions(
            nodeID: nodeID, services: services, channel: channel)
        self.probe = PeerProbe(
            backend: backend, nodeIDs: { [weak self] in self?.table.peers.map(\.nodeID) ?? [] },
            gone: { [weak self] in
                guard let self, let peer = self.table.left($0) else { return }
                self.lost(peer)
            })
    }

    // MARK: Life

    /// Subscribes; calls `done` when this node receives the others' messages. The caller then calls ``greet()``.
    func start(_ receiver: ClusterReceiver, _ done: @escaping (Result<Void, any Error>) -> Void) {
        startTimer()
        receiver.settle()
        channel.subscribe(receiver, ClusterCallback(on: services.eventLoop, done))
    }

    /// Says hello.
    func greet() {
        heartbeat.beat(hello: true)
        channel.settled(isOpen: true)
    }

    private func startTimer() {
        guard timer == nil else { return }
        heartbeat.start()
        tickedAt = services.eventLoop.now
        timer = services.eventLoop.assumeIsolated().scheduleRepeatedTask(
            initialDelay: TimeAmount(services.configuration.heartbeatInterval),
            delay: TimeAmount(services.configuration.heartbeatInterval)
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
    func stop(_ done: @escaping () -> Void) {
        timer?.cancel()
        timer = nil
        heartbeat.stop()
        probe?.stop()
        questions.close()
        // The bus may not be working, and a goodbye is not worth waiting for.
        let said = services.eventLoop.makePromise(of: Void.self)
        let deadline = services.eventLoop.scheduleTask(in: .milliseconds(500)) { said.succeed() }
        said.futureResult.assumeIsolated().whenComplete { _ in
            deadline.cancel()
            done()
        }
        heartbeat.send(
            PeerMessage(.goodbye, node: nodeID), ClusterCallback(on: services.eventLoop) { _ in said.succeed() })
    }

    /// This node receives the others' messages again. Nodes that seemed silent may be alive, and they need a heartbeat
    /// of this node.
    func linkRestored() {
        table.restartTimeouts(at: services.eventLoop.now)
        heartbeat.beat(hello: true)
    }

    // MARK: Looking

    /// The uids of the other adapters of a namespace, with the tag of each one's node.
    func adapters(of namespace: String) -> NameDictionary<String> { table.adapters(of: namespace) }

    /// Whether an adapter belongs to a node of this kind.
    func isPeer(_ uid: String) -> Bool { peer(ofUID: uid) != nil }

    /// The node of this kind to which an adapter belongs.
    func peer(ofUID uid: String) -> ClusterPeer? { table.node(ofUID: uid) }

    /// The nodes of this kind that have a namespace.
    func nodeIDs(of namespace: String) -> [String] {
        table.peers.filter { $0.uids[namespace] != nil }.map(\.nodeID)
    }

    // MARK: Telling who is here

    /// Publishes the table: with few nodes at once, with many once for all changes within 50 ms, because the cost of a
    /// publication grows with the number of nodes.
    func nodesChanged() {
        guard table.count > Self.fewNodes else { return publishNodes() }
        guard !isPublishScheduled else { return }
        isPublishScheduled = true
        services.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(50)) { [weak self] in
            self?.isPublishScheduled = false
            self?.publishNodes()
        }
    }

    private func publishNodes() {
        publications += 1
        let nodes = table.peers.map(ClusterNode.init).sorted { $0.id.precedesByBytes($1.id) }
        let owners = forwardingOwners()
        known.withLockedValue { known in
            known.nodes = nodes
            known.owners = owners
        }
        services.counters.record(peers: nodes.count)
        backend.knows(servers: nodes.count + 1)
    }

    private func forwardingOwners() -> NameDictionary<ForwardingNode> {
        var owners: NameDictionary<ForwardingNode> = [:]
        // Of two nodes with the same tag the newer one is used: the other is its predecessor, and will soon be
        // forgotten.
        for peer in table.peers.sorted(by: { $0.startedAt < $1.startedAt }) {
            guard let address = peer.forwardAddress else { continue }
            owners[peer.tag] = ForwardingNode(address: address, key: peer.forwardKey.flatMap(ForwardingKey.init(hex:)))
        }
        return owners
    }
}
