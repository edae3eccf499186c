// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import NIOConcurrencyHelpers
public import SocketIOCore
public import SocketIOServer

/// The adapter of a namespace whose servers are joined by a ``Cluster``, over any back end; made with ``Cluster/adapter(_:)``.
///
/// It performs each operation for the sockets of this node first and publishes it to the others second. With connection state recovery
/// over Redis streams it publishes first, and performs the operation when it comes back with its place in the order of all nodes.
///
///     this node ── MemoryAdapter ◀── broadcast ──▶ ClusterChannel ──▶ the others
///     the others ──▶ ClusterReceiver ──▶ ClusterAdapterCore ──▶ MemoryAdapter
///
/// This is the handle, which any thread may use; ``ClusterAdapterCore`` receives the messages of the other nodes.
public final class ClusterAdapter: Adapter {
    private enum Phase {
        case idle, started, closed
    }

    let cluster: Cluster
    let directory: PeerDirectory
    let services: ClusterServices
    let backend: any ClusterBackend
    let context: AdapterContext
    let uid: String
    let channel: any ClusterChannel
    private let receiver: ClusterReceiver
    let core: LoopBound<ClusterAdapterCore>
    /// Concurrent calls of ``fetchSockets(_:)`` that share one question.
    let socketQueries = SharedWork<SocketQuery, [SocketDescription]>()
    /// Whether broadcasts get a place in the order of all servers first, and are delivered at that place, on this
    /// server too.
    private let isOrdered: Bool
    private let phase = NIOLockedValueBox(Phase.idle)

    var counters: ClusterCounters { services.counters }
    var configuration: ClusterConfiguration { services.configuration }
    var local: MemoryAdapter { context.local }

    init(context: AdapterContext, cluster: Cluster, parts: ClusterParts) {
        let (directory, services, backend) = (parts.directory, parts.services, parts.backend)
        let uid = cluster.ids.adapter(context.namespace)
        let answers = cluster.answers
        let channel = backend.channel(namespace: context.namespace, uid: uid)
        let core = LoopBound(with: directory.core) { directory in
            ClusterAdapterCore(context: context, uid: uid, channel: channel, directory: directory, answers: answers)
        }
        self.cluster = cluster
        self.context = context
        self.directory = directory
        self.services = services
        self.backend = backend
        self.uid = uid
        self.channel = channel
        self.core = core
        let store =
            context.local.keepsEvents
            ? backend.sessionStore(of: context.namespace, local: context.local) : nil
        if let store { context.local.share(store) }
        isOrdered = store != nil
        if context.local.keepsHistories {
            if let history = backend.roomHistory() {
                context.local.share(history)
            } else if let reason = backend.historyRefusal {
                context.local.refuseHistories(reason)
            }
        }
        receiver = ClusterReceiver(
            namespace: context.namespace, uid: uid, local: context.local, services: services, core: core)
    }

    // MARK: Life

    /// Subscribes to the messages of the other nodes. Returns when they arrive, however long that takes.
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
                core.run { [receiver] in $0.start(receiver) { continuation.resume(with: $0) } }
            }
        } catch {
            // The adapter was closed before the others could be reached, which is not a failure.
            if isClosed { return }
            throw error
        }
        core.run { [self] in $0.started(isOpen: !isClosed) }
    }

    private var isClosed: Bool { phase.withLockedValue { if case .closed = $0 { true } else { false } } }

    /// Unsubscribes. Questions that still wait for answers end.
    public func close() async {
        let wasStarted = phase.withLockedValue { phase in
            defer { phase = .closed }
            if case .started = phase { return true }
            return false
        }
        guard wasStarted else { return }
        core.run { [receiver] in $0.close(receiver) }
        await cluster.released()
    }

    // MARK: Adapter

    /// The number of servers that have the namespace, this one included.
    ///
    /// - Throws: ``ClusterError`` with code `unavailable` when the others cannot be asked.
    public func serverCount() async throws -> Int {
        try requireAvailable()
        let count: Int = try await withCheckedThrowingContinuation { continuation in
            core.run { core in
                core.channel.countServers(ClusterCallback(on: core.eventLoop) { continuation.resume(with: $0) })
            }
        }
        return max(1, count)
    }

    /// Throws when other nodes cannot be asked.
    func requireAvailable() throws {
        let status = backend.status
        switch status {
        case .up, .degraded: return
        case .connecting, .down, .closed: throw ClusterError.unavailable(status.description)
        }
    }

    /// Delivers the event to this node's sockets and publishes it.
    public func broadcast(_ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions) {
        if isOrdered, !options.flags.isLocal { return broadcastInOrder(packet, options) }
        local.broadcast(packet, options: options)
        guard !options.flags.isLocal else { return }
        do {
            try channel.publish(packet, options)
        } catch {
            services.notSent(error, namespace: context.namespace)
        }
    }

    /// Publishes the event. It is delivered here when it has its place in the order, or at once while it cannot get
    /// one.
    private func broadcastInOrder(_ packet: BroadcastPacket, _ options: BroadcastOptions) {
        inOrder({ [local] in local.broadcast(packet, options: options) }) {
            try channel.publishInOrder(packet, options, deliver: $0)
        }
    }

    private func inOrder(
        _ deliver: @escaping @Sendable () -> Void,
        _ publish: (_ deliver: @escaping @Sendable () -> Void) throws -> Void
    ) {
        if case .closed = backend.status { return deliver() }
        do {
            try publish(deliver)
        } catch {
            deliver()
            services.notSent(error, namespace: context.namespace)
        }
    }

    /// Makes sockets of this node join the rooms, and asks the other nodes to do the same with theirs.
    public func addSockets(_ options: BroadcastOptions, rooms: [String]) {
        let request = ClusterRequest(uid: uid, type: .remoteJoin, opts: options, rooms: rooms)
        if isOrdered, !options.flags.isLocal {
            return tellInOrder(request) { [local] in local.addSockets(options, rooms: rooms) }
        }
        local.addSockets(options, rooms: rooms)
        tellOthers(request, options)
    }

    /// Makes sockets of this node leave the rooms, and asks the other nodes to do the same with theirs.
    public func removeSockets(_ options: BroadcastOptions, rooms: [String]) {
        let request = ClusterRequest(uid: uid, type: .remoteLeave, opts: options, rooms: rooms)
        if isOrdered, !options.flags.isLocal {
            return tellInOrder(request) { [local] in local.removeSockets(options, rooms: rooms) }
        }
        local.removeSockets(options, rooms: rooms)
        tellOthers(request, options)
    }

    /// Disconnects sockets of this node, and asks the other nodes to do the same with theirs.
    public func disconnectSockets(_ options: BroadcastOptions, close: Bool) {
        let request = ClusterRequest(uid: uid, type: .remoteDisconnect, opts: options, close: close)
        if isOrdered, !options.flags.isLocal {
            return tellInOrder(request) { [local] in local.disconnectSockets(options, close: close) }
        }
        local.disconnectSockets(options, close: close)
        tellOthers(request, options)
    }

    private func tellInOrder(_ request: ClusterRequest, _ act: @escaping @Sendable () -> Void) {
        inOrder(act) { try channel.publishInOrder(request, deliver: $0) }
    }

    private func tellOthers(_ request: ClusterRequest, _ options: BroadcastOptions) {
        guard !options.flags.isLocal else { return }
        do {
            try channel.publish(.request(request), to: .everyone, isForPeer: false, nil)
        } catch {
            services.notSent(error, namespace: context.namespace)
        }
    }

    /// Sends an event to the other servers' listeners.
    ///
    /// - Throws: ``ClusterError`` with code `unavailable` when the others cannot be reached and the configuration lets
    ///   calls fail then, `oversized` for an event that is larger than nodes send each other, `closed` after the end of a cluster over a
    ///   transport.
    public func serverSideEmit(_ packet: AdapterSPI.BroadcastPacket) async throws {
        if backend.failsWhenDown { try requireAvailable() }
        let request = ClusterRequest(uid: uid, type: .serverSideEmit, data: RawJSON(packet.data))
        try channel.publish(.request(request), to: .everyone, isForPeer: false, nil)
    }

    /// How many other nodes of this kind have this namespace.
    package func knownPeers() async -> Int { await core.get { $0.peerCount } }
}
