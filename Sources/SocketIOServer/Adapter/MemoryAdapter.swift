// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
internal import Logging
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
public import SocketIOCore
internal import Synchronization

/// The adapter of a single server. Adapters for several servers contain it, and it performs everything that concerns the sockets of
/// this server.
///
/// It encodes a broadcast once and passes it to each event loop that has sockets of the namespace. On the event loop of the caller
/// the broadcast is delivered within the call.
public final class MemoryAdapter: Adapter {
    let name: String
    /// The number of the namespace, unique in the process.
    let number: Int32
    let shards: [NamespaceShard]
    /// The order of events, when sessions can be continued.
    let log: NamespaceLog?
    /// The histories of rooms, when rooms may have one.
    let histories: RoomFeeds?
    private let context: ServerContext
    private let nodeRooms: NodeRooms
    private let observers: RoomObservers
    /// One counter for single and for broadcast acknowledgements (protocol 3.10).
    private let lastAckID = Atomic(0)
    private static let lastNumber = Atomic<Int32>(0)

    /// - Parameter home: The loop that deals with what concerns the namespace as a whole.
    init(name: String, context: ServerContext, home: ShardContext) {
        let (nodeRooms, observers) = (NodeRooms(total: context.roomTotal), RoomObservers())
        self.nodeRooms = nodeRooms
        self.observers = observers
        self.name = name
        let number = Self.lastNumber.wrappingAdd(1, ordering: .relaxed).newValue
        self.number = number
        self.context = context
        let log = NamespaceLog.make(name: name, number: number, context)
        self.log = log
        histories = context.histories.map { RoomFeeds(name: name, $0, eventLoop: home.eventLoop, context.log) }
        self.shards = context.shards.map {
            NamespaceShard(
                name: name, number: number, shard: $0, nodeRooms: nodeRooms, observers: observers, log: log)
        }
    }

    /// How many sockets are connected to this server. Any thread may read it.
    public var socketCount: Int { shards.reduce(0) { $0 + $1.socketCount } }

    /// The connected socket that has a session.
    func holder(of pid: PackedID) -> Socket? {
        let now = shards[0].shard.eventLoop.now
        guard case .held(let socket) = context.recovery?.find(pid, now: now) else { return nil }
        return socket
    }

    func nextAckID() -> Int { lastAckID.wrappingAdd(1, ordering: .relaxed).oldValue }

    // MARK: Rooms

    /// Calls `observer` when rooms come and go on this server, and when sockets join and leave rooms.
    ///
    /// `observer` runs on the event loop of the socket and must not block. Events of different loops may overtake each other. An
    /// observer that keeps a list of rooms therefore asks ``hasRoom(_:)`` at each event.
    public func onRoomEvent(_ observer: @escaping @Sendable (RoomEvent) -> Void) {
        observers.add(observer)
    }

    /// Whether a socket of this server is in the room.
    public func hasRoom(_ room: String) -> Bool {
        room.utf8.count <= context.configuration.maxNameLength && nodeRooms.contains(room)
    }

    /// Whether a socket of this server is in the room, and it is not the room that a socket has to itself.
    package func hasSharedRoom(_ room: String) -> Bool {
        room.utf8.count <= context.configuration.maxNameLength && nodeRooms.containsShared(room)
    }

    /// The names of the rooms with sockets of this server.
    public var rooms: NameSet { nodeRooms.names }

    /// How many rooms have sockets of this server, those that sockets have to themselves included.
    var roomCount: Int { nodeRooms.count }

    // MARK: Adapter

    /// Nothing to do.
    public func start() async throws {}

    /// Nothing to do.
    public func close() async {}

    /// One.
    public func serverCount() async throws -> Int { 1 }

    /// Delivers the event here.
    public func broadcast(_ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions) {
        if let log { return broadcast(packet, options: options, in: log) }
        // A node of a cluster may well have nobody to deliver to.
        guard shards.contains(where: { $0.socketCount > 0 }) else { return }
        let message = marked(
            DefaultEncoder.event(
                nsp: name, json: packet.data.json, attachments: packet.data.attachments,
                compress: options.flags.compress), options.flags)
        let metrics = context.metrics
        let here = shards.first { $0.shard.eventLoop.inEventLoop }
        let isDone: Void? = here?.core.runIfHere { core in
            if here?.socketCount ?? 0 > 0 { core.broadcast(message, packet, options, metrics) }
            for other in shards where other !== here && other.socketCount > 0 {
                core.engine.hand(to: other.engine) {
                    other.core.runIfHere { $0.broadcast(message, packet, options, metrics) }
                }
            }
        }
        guard isDone == nil else { return }
        forEachShard { $0.broadcast(message, packet, options, metrics) }
    }

    /// Delivers the event here and collects the acknowledgements of this server's sockets.
    public func broadcastWithAck(
        _ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions,
        receiver: any AdapterSPI.AckReceiver
    ) {
        let id = nextAckID()
        let message = marked(
            DefaultEncoder.event(
                nsp: name, id: id, json: packet.data.json, attachments: packet.data.attachments,
                compress: options.flags.compress), options.flags)
        let report = ReachedClients(shards: shards.count, receiver: receiver)
        for shard in shards {
            shard.run { shard in
                let now = shard.home.eventLoop.now
                let sockets = shard.sockets(options).filter { $0.expect(acknowledgement: id, since: now, receiver) }
                // Reported first: an answer may come while the event is being sent to the others.
                report.shardReached(sockets.compactMap { $0.handle?.id })
                guard !sockets.isEmpty else { return }
                shard.engine.relieve()
                shard.engine.holdingTick {
                    var forms = MessageForms(message, packet)
                    for socket in sockets {
                        if shard.outgoingListenerCount > 0 { socket.notifyOutgoing(packet) }
                        guard let staged = forms.staged(socket.client.isPacked ? .packed : .usual, shard.engine) else {
                            continue
                        }
                        shard.engine.send(staged, to: socket.client.session)
                    }
                }
                // Answers that come too late find nothing; the receiver has finished by then.
                _ = shard.timers.schedule(after: TimeAmount(receiver.timeout)) {
                    for socket in sockets { socket.forget(acknowledgement: id) }
                }
            }
        }
    }

    /// Makes sockets of this server join rooms.
    public func addSockets(_ options: BroadcastOptions, rooms: [String]) {
        forEachShard { shard in
            for socket in shard.sockets(options) { socket.join(rooms) }
        }
    }

    /// Makes sockets of this server leave rooms.
    public func removeSockets(_ options: BroadcastOptions, rooms: [String]) {
        forEachShard { shard in
            for socket in shard.sockets(options) { socket.leave(rooms) }
        }
    }

    /// Disconnects sockets of this server.
    public func disconnectSockets(_ options: BroadcastOptions, close: Bool) {
        forEachShard { shard in
            for socket in shard.sockets(options) {
                // Otherwise the call has its place behind earlier events.
                if options.flags.isLocal {
                    socket.disconnect(close: close)
                } else {
                    socket.performDisconnect(close: close)
                }
            }
        }
    }

    /// Describes sockets of this server.
    public func fetchSockets(_ options: BroadcastOptions) async throws -> [SocketDescription] {
        await localSockets(options).map(\.snapshot)
    }

    /// The ids of this server's sockets in any of `rooms`, or of all its sockets when `rooms` is empty.
    public func sockets(in rooms: NameSet) async throws -> NameSet {
        NameSet(await localSockets(BroadcastOptions(rooms: rooms.sorted())).map(\.id))
    }

    /// The names of the rooms with sockets of this server.
    public func allRooms() async throws -> NameSet { rooms }

    /// Sends nothing, because there is no other server, and writes a warning to the log.
    public func serverSideEmit(_ packet: AdapterSPI.BroadcastPacket) async throws {
        context.log.log(.nobodyElse, ["nsp": "\(name)", "event": "\(packet.event)"])
    }

    /// Returns no acknowledgements, because there is no other server.
    public func serverSideEmitWithAck(
        _ packet: AdapterSPI.BroadcastPacket, timeout: Duration
    ) async throws -> [EventArguments] {
        try await serverSideEmit(packet)
        return []
    }

    /// The largest number of rooms that a socket may be in, and thus the most that a call or another node may name for
    /// it.
    package var maxRoomsPerSocket: Int { context.configuration.maxRoomsPerSocket }

    // MARK: For this module

    /// The sockets themselves.
    func localSockets(_ options: BroadcastOptions) async -> [Socket] {
        var found: [Socket] = []
        for shard in shards where shard.socketCount > 0 {
            found += await shard.perform { $0.sockets(options).compactMap(\.handle) }
        }
        return found
    }

    /// The message with the fields that the policies for slow clients need.
    private func marked(_ message: OutboundMessage, _ flags: BroadcastFlags) -> OutboundMessage {
        var message = message
        message.origin = number
        message.isVolatile = flags.isVolatile
        message.coalescingKey = flags.coalescingKey?.inNamespace(number)
        return message
    }

    private func forEachShard(_ body: @escaping @Sendable (NamespaceShardCore) -> Void) {
        for shard in shards where shard.socketCount > 0 { shard.run(body) }
    }
}

/// Adds up what the shards reached, for the one report of this server.
private final class ReachedClients: Sendable {
    private struct State {
        var missing: Int
        var ids: [String] = []
    }

    private let state: NIOLockedValueBox<State>
    private let receiver: any BroadcastAckReceiver

    init(shards: Int, receiver: any BroadcastAckReceiver) {
        self.state = NIOLockedValueBox(State(missing: shards))
        self.receiver = receiver
    }

    func shardReached(_ ids: [String]) {
        let all = state.withLockedValue { state -> [String]? in
            state.ids += ids
            state.missing -= 1
            return state.missing == 0 ? state.ids : nil
        }
        if let all { receiver.reached(socketIDs: all) }
    }
}
