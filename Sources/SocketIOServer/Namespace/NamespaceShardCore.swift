// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import LoopConfinement
internal import SocketIOCore

/// The sockets of one namespace on one event loop, and their rooms.
final class NamespaceShardCore: LoopResident {
    /// The namespace's name and number.
    let name: String
    let number: Int32
    let home: ShardInbox
    let shard: ShardContextCore
    var engine: ShardCore { shard.engine }
    var timers: TimerQueue { shard.timers }
    private let nodeRooms: NodeRooms
    private let observers: RoomObservers
    /// A socket as broadcasts need it: where its session takes messages. The socket itself is not touched for that, not
    /// even retained; callers get it from `sockets`, by the same slot.
    private struct Recipient {
        let session: SessionSlot
        let form: MessageForms.Form
        let socket: Unmanaged<SocketCore>
    }

    private let index: RoomIndex<Recipient>
    /// Keeps the sockets in the index alive, by the slots of their members.
    private var owners: [SocketCore?] = []
    let count: SocketCount
    /// The order in which events are delivered, when sessions can be continued.
    let log: NamespaceLog?
    /// Sockets with listeners for outgoing packets: without any, a broadcast does not look at its recipients.
    var outgoingListenerCount = 0
    /// Sockets that do not get messages in the usual form: without any, there is only that one.
    private var othersCount = 0
    /// Members that are being sent the history of a room.
    var replays = RoomReplays<ObjectIdentifier>()
    /// Of no handlers: what the sockets here begin with.
    let handlerShape = SharedHandlerLayout()

    init(
        name: String, number: Int32, shard: ShardContextCore, count: SocketCount, nodeRooms: NodeRooms,
        observers: RoomObservers, log: NamespaceLog?
    ) {
        self.name = name
        self.number = number
        self.home = shard.home
        self.shard = shard
        self.count = count
        self.nodeRooms = nodeRooms
        self.observers = observers
        self.log = log
        self.index = RoomIndex()
    }

    // MARK: Members

    /// A socket whose middlewares are about to run: it may join rooms, but is not reached yet.
    func add(_ socket: SocketCore) -> RoomMember {
        let recipient = Recipient(
            session: socket.client.session.slot, form: form(for: socket.client), socket: .passUnretained(socket))
        if recipient.form != .usual { othersCount += 1 }
        let member = index.add(recipient)
        let slot = member.slot.index
        while owners.count <= slot { owners.append(nil) }
        owners[slot] = socket
        return member
    }

    /// From now on broadcasts reach the socket.
    func activate(_ member: RoomMember) {
        index.activate(member)
        count.change(by: 1)
    }

    /// The socket goes, and leaves its rooms.
    func remove(_ member: RoomMember, id: String, wasActive: Bool) {
        guard let recipient = index[member] else { return }
        if recipient.form != .usual { othersCount -= 1 }
        let departures = index.remove(member)
        replays.remove(ObjectIdentifier(recipient.socket.takeUnretainedValue()))
        // Before anybody is told: a listener may cause a new socket, which may get this slot and must keep its owner.
        owners[member.slot.index] = nil
        for departure in departures { left(departure.room, id: id, isEmpty: departure.roomDeleted) }
        if wasActive { count.change(by: -1) }
    }

    func join(_ room: String, _ member: RoomMember, id: String) -> RoomJoin {
        index.limits = shard.limits.rooms
        if nodeRooms.total.value >= shard.limits.maxRooms, wouldBeNew(room, id: id) { return .noRoomLeft }
        let result = index.join(room, member)
        if case .joined(let isNew) = result {
            if isNew, nodeRooms.becameNonEmpty(room, isCounted: !room.hasSameBytes(as: id)) {
                observers.notify(.created(room: room))
            }
            observers.notify(.joined(room: room, socketID: id))
        }
        return result
    }

    /// Whether no socket of the node is in the room, and the room is not the one named after the socket. Loops that ask at the same
    /// moment may each add one.
    private func wouldBeNew(_ room: String, id: String) -> Bool {
        room.utf8.count <= shard.limits.rooms.maxNameLength && !room.hasSameBytes(as: id) && !nodeRooms.contains(room)
    }

    func leave(_ room: String, _ member: RoomMember, id: String) -> Bool {
        guard case .left(let isEmpty) = index.leave(room, member) else { return false }
        if !replays.isEmpty, let recipient = index[member] {
            replays.end(room, ObjectIdentifier(recipient.socket.takeUnretainedValue()))
        }
        left(room, id: id, isEmpty: isEmpty)
        return true
    }

    private func left(_ room: String, id: String, isEmpty: Bool) {
        observers.notify(.left(room: room, socketID: id))
        if isEmpty, nodeRooms.becameEmpty(room) { observers.notify(.deleted(room: room)) }
    }

    // MARK: Selecting

    /// The sockets a broadcast with these options reaches here.
    func sockets(_ options: BroadcastOptions) -> [SocketCore] {
        var found: [SocketCore] = []
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
            let isOwn = only?.socket.takeUnretainedValue().handle?.id.hasSameBytes(as: room) ?? false
            if !isOwn { body(room, count) }
        }
    }

    /// Visits the sockets a broadcast with these options reaches here.
    func forEach(_ options: BroadcastOptions, _ body: (SocketCore) -> Void) {
        index.forEach(rooms: options.rooms, except: options.except) { body($0.socket.takeUnretainedValue()) }
    }

    /// Delivers one message to everyone meant. Nothing is allocated, retained or flushed per recipient: the message is put
    /// aside once, and where it lies is noted for each session.
    func broadcast(
        _ message: OutboundMessage, _ packet: BroadcastPacket, _ options: BroadcastOptions, _ metrics: ServerMetrics
    ) {
        engine.relieve()
        let looksAtSockets = options.flags.isVolatile || outgoingListenerCount > 0
        if let position = options.flags.roomPosition, !replays.isEmpty, let room = options.rooms.first {
            let held = replays.heldBack(from: room, at: position)
            return engine.holdingTick { deliverInAllForms(message, packet, options, metrics, without: held) }
        }
        if othersCount > 0 {
            return engine.holdingTick { deliverInAllForms(message, packet, options, metrics) }
        }
        // Listeners may send.
        if outgoingListenerCount > 0 {
            return engine.holdingTick { deliver(message, packet, options, metrics, looksAtSockets: true) }
        }
        deliver(message, packet, options, metrics, looksAtSockets: looksAtSockets)
    }

    private func deliver(
        _ message: OutboundMessage, _ packet: BroadcastPacket, _ options: BroadcastOptions, _ metrics: ServerMetrics,
        looksAtSockets: Bool
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
        count(dropped: dropped, metrics)
    }

    private func count(dropped: Int, _ metrics: ServerMetrics) {
        if dropped > 0 { metrics.volatileDropped.increment(by: dropped) }
    }

    /// How the messages of the namespace have to be for a client.
    func form(for client: Client) -> MessageForms.Form {
        if client.isPacked { return .packed }
        return log != nil && client.session.isRevision3 ? .withoutOffset : .usual
    }

    /// The same where some clients take another form: each is made and put aside when its first recipient needs it.
    private func deliverInAllForms(
        _ message: OutboundMessage, _ packet: BroadcastPacket, _ options: BroadcastOptions, _ metrics: ServerMetrics,
        without held: Set<ObjectIdentifier> = []
    ) {
        var forms = MessageForms(message, packet)
        var dropped = 0
        index.forEach(rooms: options.rooms, except: options.except) { recipient in
            let socket = recipient.socket.takeUnretainedValue()
            if !held.isEmpty, held.contains(ObjectIdentifier(socket)) { return }
            socket.notifyOutgoing(packet)
            if options.flags.isVolatile, !socket.client.session.isWritable {
                dropped += 1
            } else if let form = forms.staged(recipient.form, engine) {
                engine.send(form, to: recipient.session)
            }
        }
        count(dropped: dropped, metrics)
    }
}
