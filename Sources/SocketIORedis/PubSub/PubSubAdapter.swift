// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import HiredisNIO
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
public import SocketIOCore
public import SocketIOServer

/// The adapter of a namespace that shares a cluster with others over Redis publish/subscribe, on the wire that of Node.js
/// (`@socket.io/redis-adapter`, protocol 5.4).
///
/// Everything is done for the sockets of this node first and told to the others second. Made with
/// ``RedisCluster/adapter(_:)``.
///
///     this node ── MemoryAdapter ◀── broadcast ──▶ RedisBus ──▶ `<key>#<nsp>#[<room>#]`
///     other nodes ── `<key>#<nsp>#*` ──▶ room known here? ──▶ decode ──▶ MemoryAdapter
///
/// What is said to be on the event loop is confined to the bus's, hence `@unchecked Sendable`.
public final class PubSubAdapter: Adapter, @unchecked Sendable {
    typealias Requests = ClusterRequestTable<ClusterResponse, RequestKind>

    /// How a request ends: on the event loop.
    struct RequestKind: Sendable {
        let done: @Sendable (Requests.Outcome) -> Void
    }

    private enum Phase {
        case idle, started, closed
    }

    let context: AdapterContext
    let uid: String
    let channels: ChannelNames
    /// How every broadcast of this adapter begins.
    let signature: ByteBuffer
    let cluster: RedisCluster
    let core: ClusterCore
    private let phase = NIOLockedValueBox(Phase.idle)

    // On the event loop.
    var requests = Requests()
    var broadcasts = ClusterBroadcastTable<any BroadcastAckReceiver>()
    let source = PublishSource()
    /// Made once, in `init`, with a reference back.
    private(set) var foreignProbe: ForeignProbe?
    var senders: [ExactName: SenderCounts] = [:]

    /// Broadcasts of one other adapter.
    struct SenderCounts {
        var received: UInt64 = 0
        /// Both counts when they were last compared.
        var baseline: (published: UInt64, received: UInt64)?
    }

    var bus: RedisBus { core.bus }
    var counters: ClusterCounters { core.bus.counters }
    var configuration: RedisClusterConfiguration { cluster.configuration }
    var local: MemoryAdapter { context.local }

    init(context: AdapterContext, cluster: RedisCluster, core: ClusterCore) {
        self.context = context
        self.cluster = cluster
        self.core = core
        self.uid = cluster.ids.adapter(context.namespace)
        self.signature = PubSubWireFormat.beginning(uid: uid)
        self.channels = ChannelNames(prefix: cluster.configuration.key, namespace: context.namespace)
        self.foreignProbe = ForeignProbe(
            bus: core.bus, channel: channels.request, key: cluster.configuration.key,
            nodeIDs: { [directory = core.directory, namespace = context.namespace] in
                directory.nodeIDs(of: namespace)
            },
            isNeeded: { [weak self] in self?.requests.isWaitingForForeign ?? false },
            counted: { [weak self] count in
                guard let self else { return }
                for outcome in self.requests.left(foreign: count.foreign, nodes: count.nodes) {
                    outcome.context.done(outcome)
                }
            })
    }

    // MARK: Life

    /// Subscribes. Returns when this node hears the others, however long Redis takes.
    public func start() async throws {
        let isFirst = phase.withLockedValue { phase in
            guard case .idle = phase else { return false }
            phase = .started
            return true
        }
        guard isFirst else { return }
        cluster.retained()
        bus.watch(channels.request)
        let onBroadcast: RedisBus.Handler = { [weak self] in self?.receivedBroadcast($0, channel: $1) }
        let onRequest: RedisBus.Handler = { [weak self] payload, _ in self?.receivedRequest(payload) }
        let onResponse: RedisBus.Handler = { [weak self] payload, _ in self?.receivedResponse(payload) }
        do {
            try await bus.subscribe(
                channels: [
                    (channels.request, onRequest), (channels.response, onResponse),
                    (channels.response(to: uid), onResponse),
                ],
                patterns: [(channels.pattern, onBroadcast)])
        } catch {
            // Closed before Redis could be reached: nothing has failed.
            if phase.withLockedValue({ if case .closed = $0 { true } else { false } }) { return }
            throw error
        }
        bus.onLoop {
            self.source.isHeard = self.phase.withLockedValue { if case .started = $0 { true } else { false } }
            self.bus.hearingChanged()
        }
        core.directory.add(member, namespace: context.namespace)
    }

    /// Unsubscribes; requests that wait fail.
    public func close() async {
        let wasStarted = phase.withLockedValue { phase in
            defer { phase = .closed }
            if case .started = phase { return true }
            return false
        }
        guard wasStarted else { return }
        core.directory.remove(namespace: context.namespace, uid: uid)
        bus.unwatch(channels.request)
        bus.onLoop {
            self.source.isHeard = false
            self.bus.hearingChanged()
        }
        bus.unsubscribe(
            channels: [channels.request, channels.response, channels.response(to: uid)], patterns: [channels.pattern])
        bus.onLoop {
            for outcome in self.requests.removeAll() { outcome.context.done(outcome) }
            self.broadcasts.removeAll()
        }
        await cluster.released()
    }

    private var member: PeerDirectory.Member {
        PeerDirectory.Member(
            uid: uid, local: local, rates: context.rates, published: { [source] in source.broadcasts },
            peerLost: { [weak self] in self?.peerLost($0) },
            isWaiting: { [weak self] in self.map { $0.requests.count > 0 || $0.broadcasts.count > 0 } ?? false },
            peerPublished: { [weak self] in self?.compare(sender: $0, published: $1) })
    }

    /// A peer has gone: nobody waits for it any more. On the event loop.
    private func peerLost(_ uid: String) {
        senders[ExactName(uid)] = nil
        for outcome in requests.lost(peer: uid) { outcome.context.done(outcome) }
        for loss in broadcasts.lost(peer: uid) {
            if loss.isReportMissing { loss.receiver.reached(clients: 0) }
            for _ in 0..<loss.clients { loss.receiver.disconnected(socketID: "\(loss.tag)…") }
        }
    }

    /// A peer tells how many broadcasts it has published. Redis keeps their order, so all of them have arrived here before
    /// this or never will. On the event loop.
    private func compare(sender uid: String, published: UInt64) {
        var counts = senders[ExactName(uid), default: SenderCounts()]
        if let baseline = counts.baseline, published >= baseline.published {
            let (sent, arrived) = (published - baseline.published, counts.received - baseline.received)
            if sent > arrived { counters.missed.increment(by: Int(min(sent - arrived, 1 << 32))) }
        }
        counts.baseline = (published, counts.received)
        senders[ExactName(uid)] = counts
    }

    // MARK: Adapter

    /// This node and all that subscribe to the requests of the namespace; 1 when Redis cannot be asked.
    public func serverCount() async throws -> Int {
        try bus.requireAvailable()
        return max(1, try await bus.subscriberCount(of: channels.request))
    }

    /// Delivers the event here and publishes it.
    public func broadcast(_ packet: BroadcastPacket, options: BroadcastOptions) {
        local.broadcast(packet, options: options)
        guard !options.flags.isLocal else { return }
        do {
            let command = try PubSubWireFormat.publish(uid: uid, packet, options: options, channels: channels)
            bus.publish(PublishMessage(command: command, source: source, isBroadcast: true))
        } catch {
            notSent(error)
        }
    }

    /// Makes sockets join here, and asks the others to do the same with theirs.
    public func addSockets(_ options: BroadcastOptions, rooms: [String]) {
        local.addSockets(options, rooms: rooms)
        tellOthers(ClusterRequest(uid: uid, type: .remoteJoin, opts: options, rooms: rooms), options)
    }

    /// Makes sockets leave here, and asks the others to do the same with theirs.
    public func removeSockets(_ options: BroadcastOptions, rooms: [String]) {
        local.removeSockets(options, rooms: rooms)
        tellOthers(ClusterRequest(uid: uid, type: .remoteLeave, opts: options, rooms: rooms), options)
    }

    /// Disconnects sockets here, and asks the others to do the same with theirs.
    public func disconnectSockets(_ options: BroadcastOptions, close: Bool) {
        local.disconnectSockets(options, close: close)
        tellOthers(ClusterRequest(uid: uid, type: .remoteDisconnect, opts: options, close: close), options)
    }

    private func tellOthers(_ request: ClusterRequest, _ options: BroadcastOptions) {
        guard !options.flags.isLocal else { return }
        do {
            send(try request.text, to: channels.request, kind: .data)
        } catch {
            notSent(error)
        }
    }

    /// Sends an event to the other servers' listeners.
    ///
    /// - Throws: ``ClusterError`` with code `unavailable` when Redis cannot be reached and the policy is `fail`, `oversized` for
    ///   an event that is larger than nodes send each other.
    public func serverSideEmit(_ packet: BroadcastPacket) async throws {
        if configuration.outage.mode == .fail { try bus.requireAvailable() }
        let request = ClusterRequest(uid: uid, type: .serverSideEmit, data: try NodeBuffer.text(packet.data))
        let text = try request.text
        guard text.readableBytes <= configuration.maxMessageBytes else {
            counters.refused(.sentBytes)
            throw ClusterError.tooLarge(text.readableBytes, limit: configuration.maxMessageBytes)
        }
        send(text, to: channels.request, kind: .data)
    }

    // MARK: For this module

    /// What was to be sent to other servers cannot be written.
    func notSent(_ error: any Error) {
        bus.log.log(.notTold, level: .error, ["nsp": "\(context.namespace)", "error": "\(error)"])
    }

    func send(
        _ payload: ByteBuffer, to channel: String, kind: PublishMessage.Kind,
        _ done: (@Sendable (Result<Int, any Error>) -> Void)? = nil
    ) {
        bus.publish(
            PublishMessage(
                command: RedisPublish(payload, to: channel), kind: kind, source: kind == .data ? source : nil,
                completion: done))
    }
}

extension PubSubAdapter {
    /// How many other nodes of this kind have this namespace.
    package func knownPeers() async -> Int {
        await withCheckedContinuation { continuation in
            bus.onLoop {
                continuation.resume(
                    returning: self.core.directory.adapters(of: self.context.namespace).count)
            }
        }
    }
}
