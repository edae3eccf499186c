// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import HiredisNIO
internal import Logging
internal import LoopConfinement
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
/// This is the handle, which any thread may use; what hears the other nodes is ``PubSubAdapterCore``.
public final class PubSubAdapter: Adapter {
    private enum Phase {
        case idle, started, closed
    }

    let cluster: RedisCluster
    let directory: PeerDirectory
    let sender: PubSubSender
    let context: AdapterContext
    let uid: String
    let channels: ChannelNames
    let core: LoopBound<PubSubAdapterCore>
    /// Calls of ``fetchSockets(_:)`` that wait for answers.
    let looks = SharedWork<Look, [SocketDescription]>()
    private let phase = NIOLockedValueBox(Phase.idle)

    var bus: RedisBus { sender.bus }
    var counters: ClusterCounters { sender.bus.counters }
    var configuration: RedisClusterConfiguration { cluster.configuration }
    var local: MemoryAdapter { sender.context.local }

    init(context: AdapterContext, cluster: RedisCluster, bus: RedisBus, directory: PeerDirectory) {
        self.cluster = cluster
        self.directory = directory
        let sender = PubSubSender(
            context: context, uid: cluster.ids.adapter(context.namespace), configuration: cluster.configuration,
            bus: bus)
        self.sender = sender
        self.context = context
        uid = sender.uid
        channels = sender.channels
        core = LoopBound(with: directory.core) {
            PubSubAdapterCore(sender: sender, directory: $0, answers: cluster.answers)
        }
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
        do {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                core.run { $0.start { continuation.resume(with: $0) } }
            }
        } catch {
            // Closed before Redis could be reached: nothing has failed.
            if isClosed { return }
            throw error
        }
        core.run { [self] in $0.started(isOpen: !isClosed) }
    }

    private var isClosed: Bool { phase.withLockedValue { if case .closed = $0 { true } else { false } } }

    /// Unsubscribes; requests that wait fail.
    public func close() async {
        let wasStarted = phase.withLockedValue { phase in
            defer { phase = .closed }
            if case .started = phase { return true }
            return false
        }
        guard wasStarted else { return }
        core.run { $0.close() }
        await cluster.released()
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
            bus.publish(PublishMessage(command: command, source: sender.source, isBroadcast: true))
        } catch {
            sender.notSent(error)
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
            sender.send(try request.text, to: channels.request, kind: .data)
        } catch {
            sender.notSent(error)
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
        sender.send(text, to: channels.request, kind: .data)
    }

    /// How many other nodes of this kind have this namespace.
    package func knownPeers() async -> Int { await core.get { $0.peerCount } }
}
