// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// Keeps the table of our nodes: sends heartbeats, hears those of the others, and notices who has gone.
///
/// Confined to the bus's event loop but for ``nodes`` and ``isDraining``, hence `@unchecked Sendable`.
final class PeerDirectory: @unchecked Sendable {
    /// An adapter of this node.
    struct Member: Sendable {
        let uid: String
        let local: MemoryAdapter
        /// Broadcasts published so far; on the event loop.
        let published: @Sendable () -> UInt64
        /// A peer's adapter has gone; on the event loop.
        let peerLost: @Sendable (_ uid: String) -> Void
        /// Whether answers of other nodes are waited for; on the event loop.
        let isWaiting: @Sendable () -> Bool
        /// A peer tells how many broadcasts it has published; on the event loop.
        let peerPublished: @Sendable (_ uid: String, _ count: UInt64) -> Void
    }

    let nodeID: String
    private let tag: String
    private let configuration: RedisClusterConfiguration
    private let bus: RedisBus
    private let channel: String
    private let ownChannel: String
    private let startedAt: Int64
    private let shared = NIOLockedValueBox((nodes: [ClusterNode](), isDraining: false))

    private var members: [String: Member] = [:]
    private var table: PeerTable
    private let questions: PeerQuestions
    /// When the last routine heartbeat was sent, until it has come back.
    private var beatSentAt: NIODeadline?
    private var timer: RepeatedTask?
    /// Made once, in `init`, with a reference back.
    private var probe: PeerProbe?
    private var isBeatScheduled = false

    /// Namespaces whose uids are told with every heartbeat.
    private static let maximumRoutineNamespaces = 64

    init(tag: String, configuration: RedisClusterConfiguration, bus: RedisBus) {
        var rng = SystemRandomNumberGenerator()
        self.nodeID = RandomID.make(length: 16, using: &rng)
        self.tag = tag
        self.configuration = configuration
        self.bus = bus
        self.channel = "\(configuration.key)-node#"
        self.ownChannel = PeerMessage.channel(of: nodeID, key: configuration.key)
        self.startedAt = WallClock.milliseconds()
        self.table = PeerTable(timeout: configuration.peerTimeout)
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
        let handler: RedisBus.Handler = { [weak self] payload, _ in self?.received(payload) }
        bus.onLoop { self.startTimer() }
        bus.watch(channel)
        try await bus.subscribe(channels: [(channel, handler), (ownChannel, handler)])
        bus.onLoop { self.beat(hello: true) }
    }

    private func startTimer() {
        guard timer == nil else { return }
        timer = bus.eventLoop.scheduleRepeatedTask(
            initialDelay: configuration.heartbeatInterval, delay: configuration.heartbeatInterval
        ) { [weak self] task in
            guard let self else { return task.cancel() }
            self.tick()
        }
        probe?.start { [weak self] in
            guard let self else { return false }
            return self.questions.isWaiting || self.members.values.contains { $0.isWaiting() }
        }
    }

    /// Says goodbye.
    func stop() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            bus.onLoop {
                self.timer?.cancel()
                self.timer = nil
                self.probe?.stop()
                self.questions.close()
                // Redis may stand still: a goodbye is not worth waiting for.
                let done = self.bus.eventLoop.makePromise(of: Void.self)
                let deadline = self.bus.eventLoop.scheduleTask(in: .milliseconds(500)) { done.succeed() }
                done.futureResult.whenComplete { _ in
                    deadline.cancel()
                    continuation.resume()
                }
                self.send(PeerMessage(.goodbye, node: self.nodeID), to: self.channel) { _ in done.succeed() }
            }
        }
    }

    /// Redis is back: whoever was silent could not be heard, and the others want to hear of this node.
    func linkRestored() {
        table.restartTimeouts(at: .now())
        beat(hello: true)
    }

    // MARK: Adapters of this node

    func add(_ member: Member, namespace: String) {
        bus.onLoop {
            self.members[namespace] = member
            // The others wait for answers of adapters they know of only.
            var news = PeerMessage(.alive, node: self.nodeID)
            news.tag = self.tag
            news.uids = [namespace: member.uid]
            news.partial = true
            self.send(news, to: self.channel)
        }
    }

    func remove(namespace: String, uid: String) {
        bus.onLoop {
            guard self.members[namespace]?.uid == uid else { return }
            self.members[namespace] = nil
            self.beatSoon()
        }
    }

    // MARK: Looking

    /// The other nodes. From any thread.
    var nodes: [ClusterNode] { shared.withLockedValue { $0.nodes } }

    /// Whether this node tells the others that it is about to end. From any thread.
    var isDraining: Bool {
        get { shared.withLockedValue { $0.isDraining } }
        set {
            shared.withLockedValue { $0.isDraining = newValue }
            bus.onLoop { self.beat(hello: false) }
        }
    }

    /// The other adapters of a namespace: uid to the node's tag. On the event loop.
    func adapters(of namespace: String) -> [String: String] { table.adapters(of: namespace) }

    /// Whether an adapter belongs to a node of this kind. On the event loop.
    func isPeer(_ uid: String) -> Bool { table.node(ofUID: uid) != nil }

    // MARK: Asking

    /// Asks all peers with this namespace something. Returns their answers.
    func ask(_ what: PeerQuestions.Subject, namespace: String, options: BroadcastOptions) async throws -> [PeerMessage]
    {
        try await withCheckedThrowingContinuation { continuation in
            bus.onLoop {
                self.questions.ask(what, namespace: namespace, options: options, peers: self.adapters(of: namespace)) {
                    continuation.resume(with: $0)
                }
            }
        }
    }

    // MARK: Heartbeats

    private func tick() {
        beatSentAt = .now()
        // Who cannot be heard is not silent.
        if bus.hearsOthers {
            for peer in table.removeSilent(at: .now()) { lost(peer) }
        }
        beat(hello: false, isRoutine: true)
        bus.sampleSubscribers()
        probe?.look()
    }

    /// Once for all that changes within a moment.
    private func beatSoon() {
        guard !isBeatScheduled else { return }
        isBeatScheduled = true
        bus.eventLoop.scheduleTask(in: .milliseconds(50)) {
            self.isBeatScheduled = false
            self.beat(hello: false)
        }
    }

    /// A heartbeat. With many namespaces their uids are told only when there is a reason to.
    private func beat(hello: Bool, isRoutine: Bool = false) {
        guard timer != nil else { return }
        let this = ClusterPeer(
            nodeID: nodeID, tag: tag, uids: members.mapValues(\.uid), version: RedisCluster.version,
            startedAt: startedAt, isDraining: isDraining, address: configuration.address,
            sessions: configuration.sessionCount?() ?? 0,
            sockets: members.values.reduce(0) { $0 + $1.local.socketCount },
            published: members.mapValues { $0.published() })
        send(
            PeerMessage(
                this, hello: hello, includesUIDs: !isRoutine || members.count <= Self.maximumRoutineNamespaces,
                includesCounts: bus.isOrderKept),
            to: channel)
    }

    private func send(
        _ message: PeerMessage, to channel: String, _ done: (@Sendable (Result<Int, any Error>) -> Void)? = nil
    ) {
        do {
            bus.publish(try message.signal(to: channel, done))
        } catch {
            done?(.failure(error))
        }
    }

    /// A message that comes back to this node alone.
    func echo(_ number: UInt64) -> PublishMessage? {
        var message = PeerMessage(.echo, node: nodeID)
        message.number = number
        return try? message.signal(to: ownChannel)
    }

    private func received(_ payload: ByteBuffer) {
        let message: PeerMessage
        do {
            message = try WireMessage.decode(PeerMessage.self, payload, limits: configuration.limits)
        } catch {
            return bus.invalid("node channel", error)
        }
        guard message.node != nodeID else {
            if message.type == .echo, let number = message.number { bus.heardEcho(number) }
            if message.type == .alive, let sentAt = beatSentAt {
                bus.counters.record(lag: .now() - sentAt)
                beatSentAt = nil
            }
            return
        }
        switch message.type {
        case .alive: heard(message)
        case .goodbye: if let peer = table.left(message.node) { lost(peer) }
        case .ask: questions.answer(message, member: message.nsp.flatMap { members[$0] })
        case .answer:
            let peer = table.peers.first { $0.nodeID == message.node }
            questions.answered(message, by: message.nsp.flatMap { peer?.uids[$0] })
        case .echo: break
        }
    }

    private func heard(_ message: PeerMessage) {
        guard let peer = message.peer else { return bus.invalid("node channel", WireFormatError.shape("heartbeat")) }
        let isPartial = message.partial == true || message.uids == nil
        switch table.heard(peer, isPartial: isPartial, at: .now()) {
        case .joined:
            publishNodes()
            // It has been here before this node, or is as new: either wants to know the other without waiting.
            if isPartial { beat(hello: true) } else if message.hello == true { beat(hello: false) }
        case .updated(let gone):
            for uid in gone { forEachMember { $0.peerLost(uid) } }
            if message.hello == true { beat(hello: false) }
            publishNodes()
        case .refused: return
        }
        for (namespace, count) in peer.published {
            if let uid = peer.uids[namespace] { members[namespace]?.peerPublished(uid, count) }
        }
    }

    private func lost(_ peer: ClusterPeer) {
        publishNodes()
        for uid in peer.uids.values {
            forEachMember { $0.peerLost(uid) }
            questions.lost(peer: uid)
        }
    }

    private func forEachMember(_ body: (Member) -> Void) {
        for member in members.values { body(member) }
    }

    private func publishNodes() {
        let nodes = table.peers.map(ClusterNode.init).sorted { $0.id < $1.id }
        shared.withLockedValue { $0.nodes = nodes }
        bus.counters.record(peers: nodes.count)
        bus.expectListeners(on: channel, count: nodes.count + 1)
    }
}
