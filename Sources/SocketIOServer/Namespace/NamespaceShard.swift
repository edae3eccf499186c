// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import NIOCore
internal import SocketIOCore
internal import Synchronization

/// What one namespace has on one event loop: its sockets and their rooms.
///
/// Confined to the loop, which is why it may be `@unchecked Sendable`; only ``socketCount`` is read elsewhere.
final class NamespaceShard: @unchecked Sendable {
    let shard: ShardContext
    private let nodeRooms: NodeRooms
    private let observers: RoomObservers
    private let metrics: ServerMetrics
    private let index: RoomIndex<Socket>
    private let count = Atomic(0)
    /// Sockets with listeners for outgoing packets: without any, a broadcast does not look at its recipients.
    var outgoingListenerCount = 0

    init(shard: ShardContext, context: ServerContext, nodeRooms: NodeRooms, observers: RoomObservers) {
        self.shard = shard
        self.nodeRooms = nodeRooms
        self.observers = observers
        self.metrics = context.metrics
        self.index = RoomIndex(
            limits: RoomLimits(
                maxRoomsPerMember: context.configuration.maxRoomsPerSocket,
                maxNameLength: context.configuration.maxNameLength))
    }

    /// Connected sockets. From any thread.
    var socketCount: Int { count.load(ordering: .acquiring) }

    // MARK: Members

    /// A socket whose middlewares are about to run: it may join rooms, but is not reached yet.
    func add(_ socket: Socket) -> RoomMember { index.add(socket) }

    /// From now on broadcasts reach the socket.
    func activate(_ member: RoomMember) {
        index.activate(member)
        count.wrappingAdd(1, ordering: .releasing)
    }

    /// The socket goes, and leaves its rooms.
    func remove(_ member: RoomMember, id: String, wasActive: Bool) {
        for departure in index.remove(member) {
            left(departure.room, id: id, isEmpty: departure.roomDeleted)
        }
        if wasActive { count.wrappingSubtract(1, ordering: .releasing) }
    }

    func join(_ room: String, _ member: RoomMember, id: String) -> RoomJoin {
        let result = index.join(room, member)
        if case .joined(let isNew) = result {
            if isNew, nodeRooms.becameNonEmpty(room) { observers.notify(.created(room: room)) }
            observers.notify(.joined(room: room, socketID: id))
        }
        return result
    }

    func leave(_ room: String, _ member: RoomMember, id: String) -> Bool {
        guard case .left(let isEmpty) = index.leave(room, member) else { return false }
        left(room, id: id, isEmpty: isEmpty)
        return true
    }

    private func left(_ room: String, id: String, isEmpty: Bool) {
        observers.notify(.left(room: room, socketID: id))
        if isEmpty, nodeRooms.becameEmpty(room) { observers.notify(.deleted(room: room)) }
    }

    // MARK: Selecting

    /// The sockets a broadcast with these options reaches here.
    func sockets(_ options: BroadcastOptions) -> [Socket] {
        index.members(rooms: options.rooms, except: options.except)
    }

    // MARK: Looking

    /// How many sockets are in a room here.
    func memberCount(of room: String) -> Int { index.count(of: room) }

    /// How many places a survey has to look at.
    var roomPlaces: Int { index.surveyPlaces }

    /// Shows some rooms with their sizes, see `RoomIndex.survey`; not those that a socket has to itself.
    func survey(from start: Int, budget: Int, _ body: (_ room: String, _ count: Int) -> Void) -> Int? {
        index.survey(from: start, budget: budget) { room, count, only in
            if only?.id != room { body(room, count) }
        }
    }

    /// Visits the sockets a broadcast with these options reaches here.
    func forEach(_ options: BroadcastOptions, _ body: (Socket) -> Void) {
        index.forEach(rooms: options.rooms, except: options.except, body)
    }

    /// Delivers one message to everyone meant. Nothing is allocated, retained for long or flushed per recipient: the
    /// message is put aside once and each session notes where it lies.
    func broadcast(_ message: OutboundMessage, _ packet: BroadcastPacket, _ options: BroadcastOptions) {
        let engine = shard.shard
        let isVolatile = options.flags.isVolatile
        let tellsListeners = outgoingListenerCount > 0
        var staged: StagedMessage?
        var dropped = 0
        index.forEach(rooms: options.rooms, except: options.except) { socket in
            if tellsListeners { socket.notifyOutgoing(packet) }
            let session = socket.client.session
            if isVolatile, !session.isWritable {
                dropped += 1
                return
            }
            if let staged {
                engine.send(staged, to: session)
            } else {
                let first = engine.stage(message)
                staged = first
                engine.send(first, to: session)
            }
        }
        if dropped > 0 { metrics.volatileDropped.increment(by: dropped) }
    }
}
