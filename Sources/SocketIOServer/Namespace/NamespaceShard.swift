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
    var engine: Shard { shard.shard }
    private let nodeRooms: NodeRooms
    private let observers: RoomObservers
    private let metrics: ServerMetrics
    /// A socket as broadcasts need it: where its session takes messages. The socket itself is not touched for that, not
    /// even retained; whoever wants it gets it from `sockets`, by the same slot.
    private struct Recipient {
        let session: Int32
        let socket: Unmanaged<Socket>
    }

    private let index: RoomIndex<Recipient>
    /// Keeps the sockets in the index alive, by the slots of their members.
    private var owners: [Socket?] = []
    private let count = Atomic(0)
    /// Sockets with listeners for outgoing packets: without any, a broadcast does not look at its recipients.
    var outgoingListenerCount = 0
    /// Of no handlers: what the sockets here begin with.
    let handlerShape = HandlerShape()

    init(shard: ShardContext, context: ServerContext, nodeRooms: NodeRooms, observers: RoomObservers) {
        self.shard = shard
        self.nodeRooms = nodeRooms
        self.observers = observers
        self.metrics = context.metrics
        self.index = RoomIndex()
    }

    /// Connected sockets. From any thread.
    var socketCount: Int { count.load(ordering: .acquiring) }

    // MARK: Members

    /// A socket whose middlewares are about to run: it may join rooms, but is not reached yet.
    func add(_ socket: Socket) -> RoomMember {
        let recipient = Recipient(session: socket.client.session.slot, socket: .passUnretained(socket))
        let member = index.add(recipient)
        let slot = Int(member.slot)
        while owners.count <= slot { owners.append(nil) }
        owners[slot] = socket
        return member
    }

    /// From now on broadcasts reach the socket.
    func activate(_ member: RoomMember) {
        index.activate(member)
        count.wrappingAdd(1, ordering: .releasing)
    }

    /// The socket goes, and leaves its rooms.
    func remove(_ member: RoomMember, id: String, wasActive: Bool) {
        guard index[member] != nil else { return }
        let departures = index.remove(member)
        // Before anybody hears of it: whoever does may bring a new socket, which may get this slot and must keep its owner.
        owners[Int(member.slot)] = nil
        for departure in departures { left(departure.room, id: id, isEmpty: departure.roomDeleted) }
        if wasActive { count.wrappingSubtract(1, ordering: .releasing) }
    }

    func join(_ room: String, _ member: RoomMember, id: String) -> RoomJoin {
        index.limits = shard.limits.rooms
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
        var found: [Socket] = []
        index.forEach(rooms: options.rooms, except: options.except) { found.append($0.socket.takeUnretainedValue()) }
        return found
    }

    // MARK: Looking

    /// How many sockets are in a room here.
    func memberCount(of room: String) -> Int { index.count(of: room) }

    /// How many places a survey has to look at.
    var roomPlaces: Int { index.surveyPlaces }

    /// Shows some rooms with their sizes, see `RoomIndex.survey`; not those that a socket has to itself.
    func survey(from start: Int, budget: Int, _ body: (_ room: String, _ count: Int) -> Void) -> Int? {
        index.survey(from: start, budget: budget) { room, count, only in
            let isOwn = only?.socket.takeUnretainedValue().id.hasSameBytes(as: room) ?? false
            if !isOwn { body(room, count) }
        }
    }

    /// Visits the sockets a broadcast with these options reaches here.
    func forEach(_ options: BroadcastOptions, _ body: (Socket) -> Void) {
        index.forEach(rooms: options.rooms, except: options.except) { body($0.socket.takeUnretainedValue()) }
    }

    /// Delivers one message to everyone meant. Nothing is allocated, retained or flushed per recipient: the message is put
    /// aside once, and where it lies is noted for each session.
    func broadcast(_ message: OutboundMessage, _ packet: BroadcastPacket, _ options: BroadcastOptions) {
        engine.relieve()
        let looksAtSockets = options.flags.isVolatile || outgoingListenerCount > 0
        // Listeners may send.
        if outgoingListenerCount > 0 {
            return engine.holdingTick { deliver(message, packet, options, looksAtSockets: true) }
        }
        deliver(message, packet, options, looksAtSockets: looksAtSockets)
    }

    private func deliver(
        _ message: OutboundMessage, _ packet: BroadcastPacket, _ options: BroadcastOptions, looksAtSockets: Bool
    ) {
        let engine = engine
        let isVolatile = options.flags.isVolatile
        var staged: StagedMessage?
        var dropped = 0
        index.forEach(rooms: options.rooms, except: options.except) { recipient in
            if looksAtSockets {
                let socket = recipient.socket.takeUnretainedValue()
                socket.notifyOutgoing(packet)
                if isVolatile, !socket.client.session.isWritable {
                    dropped += 1
                    return
                }
            }
            if let staged {
                engine.send(staged, to: recipient.session)
            } else {
                let first = engine.stage(message)
                staged = first
                engine.send(first, to: recipient.session)
            }
        }
        if dropped > 0 { metrics.volatileDropped.increment(by: dropped) }
    }
}
