// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// The nodes of this kind, as any thread may read them; ``PeerDirectoryCore`` keeps the table.
final class PeerDirectory: Sendable {
    /// The nodes that are known now.
    struct Known: Sendable {
        var nodes: [ClusterNode] = []
        /// The forwarding nodes by tag.
        var owners: NameDictionary<ForwardingNode> = [:]
    }

    let core: LoopBound<PeerDirectoryCore>
    private let receiver: ClusterReceiver
    private let known: NIOLockedValueBox<Known>
    private let announced: NIOLockedValueBox<PeerHeartbeat.Announced>

    init(tag: String, services: ClusterServices, backend: any ClusterBackend) {
        let known = NIOLockedValueBox(Known())
        let announced = NIOLockedValueBox(PeerHeartbeat.Announced())
        self.known = known
        self.announced = announced
        var rng = SystemRandomNumberGenerator()
        let nodeID = RandomID.make(length: 16, using: &rng)
        let channel = backend.channel(namespace: "", uid: nodeID)
        let core = LoopBound<PeerDirectoryCore>(on: services.eventLoop) {
            PeerDirectoryCore(
                nodeID: nodeID, tag: tag, services: services, backend: backend, channel: channel, known: known,
                announced: announced)
        }
        self.core = core
        receiver = ClusterReceiver(namespace: "", uid: nodeID, local: nil, services: services, core: core)
    }

    /// Subscribes and says hello. Returns when this node receives the others' messages.
    func start() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            core.run { [receiver] in $0.start(receiver) { continuation.resume(with: $0) } }
        }
        core.run { $0.greet() }
    }

    /// Says goodbye.
    func stop() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            core.run { $0.stop { continuation.resume() } }
        }
    }

    /// The other nodes.
    var nodes: [ClusterNode] { known.withLockedValue { $0.nodes } }

    /// The node to which requests for the sessions with this tag can be sent.
    func owner(ofTag tag: String) -> ForwardingNode? { known.withLockedValue { $0.owners[tag] } }

    /// Whether this node tells the others that it is about to end.
    var isDraining: Bool {
        get { announced.withLockedValue { $0.isDraining } }
        set {
            announced.withLockedValue { $0.isDraining = newValue }
            core.run { $0.heartbeat.beat() }
        }
    }

    /// Tells the others where this node accepts their requests.
    func announce(_ node: ForwardingNode?) {
        announced.withLockedValue { $0.forwarding = node }
        core.run { $0.heartbeat.beat() }
    }

    /// Asks all peers with this namespace a question and returns their answers.
    func ask(_ what: PeerQuestions.Subject, namespace: String, options: BroadcastOptions) async throws -> [PeerMessage]
    {
        let query = QueryOptions.current
        return try await withCheckedThrowingContinuation { continuation in
            core.run { core in
                core.questions.ask(
                    what, namespace: namespace, options: options, query, peers: core.adapters(of: namespace)
                ) {
                    continuation.resume(with: $0)
                }
            }
        }
    }
}
