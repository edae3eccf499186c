// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOServer
internal import Synchronization

/// Joins two servers of one process: give ``adapter(_:)`` to the configurations of both.
public final class Pair: Sendable {
    /// The adapters that have started, at most two for each namespace.
    private let adapters = Mutex<NameDictionary<[PairAdapter]>>([:])

    /// Two servers that do not know each other yet.
    public init() {}

    /// The adapter of a namespace, for ``SocketIOServer/ServerConfiguration/adapter``.
    public func adapter(_ context: AdapterSPI.Context) -> any Adapter { PairAdapter(context, of: self) }

    fileprivate func add(_ adapter: PairAdapter) {
        adapters.withLock { $0[adapter.namespace, default: []].append(adapter) }
    }

    fileprivate func remove(_ adapter: PairAdapter) {
        adapters.withLock { $0[adapter.namespace, default: []].removeAll { $0 === adapter } }
    }

    fileprivate func other(than adapter: PairAdapter) -> PairAdapter? {
        adapters.withLock { $0[adapter.namespace]?.first { $0 !== adapter } }
    }
}

/// Does everything on this server first, and on the other one second.
public final class PairAdapter: Adapter {
    private let context: AdapterSPI.Context
    private let pair: Pair

    fileprivate var namespace: String { context.namespace }
    private var other: PairAdapter? { pair.other(than: self) }

    fileprivate init(_ context: AdapterSPI.Context, of pair: Pair) {
        self.context = context
        self.pair = pair
    }

    /// The servers that the options mean: only this one with `isLocal`.
    private func parts(_ options: BroadcastOptions = BroadcastOptions()) -> [MemoryAdapter] {
        guard !options.flags.isLocal, let other else { return [context.local] }
        return [context.local, other.context.local]
    }

    /// From now on the other server knows this one.
    public func start() async throws { pair.add(self) }

    /// From now on the other server no longer knows this one.
    public func close() async { pair.remove(self) }

    /// Two, or one while the other has not started.
    public func serverCount() async throws -> Int { other == nil ? 1 : 2 }

    // MARK: Events

    /// Sends it on both.
    public func broadcast(_ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions) {
        for part in parts(options) { part.broadcast(packet, options: options) }
    }

    /// Each part tells the receiver which sockets it has reached, and which of them answer or disconnect.
    public func broadcastWithAck(
        _ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions, receiver: any AdapterSPI.AckReceiver
    ) {
        for part in parts(options) { part.broadcastWithAck(packet, options: options, receiver: receiver) }
    }

    /// To the listeners of the other server, never to those of this one.
    public func serverSideEmit(_ packet: AdapterSPI.BroadcastPacket) async throws {
        try other?.context.receive(packet)
    }

    /// Waits for one answer, and for no longer than the time-out.
    public func serverSideEmitWithAck(
        _ packet: AdapterSPI.BroadcastPacket, timeout: Duration
    ) async throws -> [EventArguments] {
        guard let other else { return [] }
        let (answers, answer) = AsyncThrowingStream<EventArguments, any Error>.makeStream()
        try other.context.receive(packet) { result in
            answer.yield(with: result)
            answer.finish()
        }
        let timer = Task {
            try await Task.sleep(for: timeout)
            answer.finish(throwing: SocketError(.timeout, "the other server has not answered"))
        }
        defer { timer.cancel() }
        for try await arguments in answers { return [arguments] }
        throw CancellationError()
    }

    // MARK: Sockets

    /// Makes the sockets on both servers join.
    public func addSockets(_ options: BroadcastOptions, rooms: [String]) {
        for part in parts(options) { part.addSockets(options, rooms: rooms) }
    }

    /// Makes the sockets on both servers leave.
    public func removeSockets(_ options: BroadcastOptions, rooms: [String]) {
        for part in parts(options) { part.removeSockets(options, rooms: rooms) }
    }

    /// Disconnects the sockets on both servers.
    public func disconnectSockets(_ options: BroadcastOptions, close: Bool) {
        for part in parts(options) { part.disconnectSockets(options, close: close) }
    }

    /// Describes the sockets of both servers. ``count(_:)`` and ``countByRoom()`` have default implementations that call this.
    public func fetchSockets(_ options: BroadcastOptions) async throws -> [SocketDescription] {
        var found: [SocketDescription] = []
        for part in parts(options) { found += try await part.fetchSockets(options) }
        return found
    }

    /// Returns the ids of the sockets on both servers.
    public func sockets(in rooms: NameSet) async throws -> NameSet {
        var found: NameSet = []
        for part in parts() { found.formUnion(try await part.sockets(in: rooms)) }
        return found
    }

    /// Returns the rooms of both servers.
    public func allRooms() async throws -> NameSet {
        parts().reduce(into: NameSet()) { $0.formUnion($1.rooms) }
    }
}
