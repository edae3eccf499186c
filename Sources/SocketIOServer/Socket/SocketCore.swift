// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import LoopConfinement
internal import NIOCore
internal import SocketIOCore
internal import Synchronization

/// One client in one namespace, on its event loop. Other threads have a ``Socket``.
final class SocketCore: LoopResident {
    /// The handle for other threads; nil after the end, because both refer to each other.
    private(set) var handle: Socket?
    let client: Client
    /// The part of the namespace on this event loop.
    let part: NamespaceShardCore
    /// The place among the client's sockets.
    let slot: ClientSlot
    private var member = RoomMember.none
    // Overlapping access to what every event asks for is not checked for at run time: the handlers are a value that calls
    // nothing back, the hooks a reference.
    @exclusivity(unchecked)
    var handlers: EventHandlers
    @exclusivity(unchecked)
    var hooks: SocketHooks?
    var acks = AckTable<PendingAcknowledgement>()
    /// Whether the server has decided to disconnect it: what the client sends is no longer handled.
    private(set) var isLeaving = false

    init(client: Client, slot: ClientSlot, part: NamespaceShardCore) {
        self.client = client
        self.slot = slot
        self.part = part
        self.handlers = EventHandlers(part.handlerShape)
        self.member = part.add(self)
    }

    /// Makes the handle. Call it once.
    func makeHandle(
        namespace: Namespace, conn: EngineSession, auth: GivenAuth?, continuation: SocketContinuation?
    ) -> Socket {
        let made = Socket(
            namespace: namespace, conn: conn, auth: auth, continuation: continuation, shard: part.shard.index,
            core: LoopReference(self))
        handle = made
        return made
    }

    var home: ShardInbox { part.home }

    var context: ServerContext { client.context }

    var connected: Bool { handle?.connected ?? false }

    var isGone: Bool { handle?.isGone ?? true }

    // MARK: Life

    /// Connects the socket after its middlewares have accepted it.
    func becomeConnected() {
        guard let handle, !member.isNone else { return }
        handle.note(.connected)
        part.activate(member)
        join([handle.id])
    }

    /// The end of a socket that was connected, in the order of protocol 4.6. Does nothing when called again.
    func close(_ reason: DisconnectReason, detail: String?) {
        guard let handle, handle.connected, !member.isNone else { return }
        for listener in hooks?.disconnecting ?? [] { run(listener, handle, reason, detail) }
        // A listener may have disconnected the socket itself.
        guard handle.connected else { return }
        if let continuation = handle.continuation { keepSession(handle, continuation, reason) }
        let member = self.member
        self.member = .none
        part.remove(member, id: handle.id, wasActive: true)
        handle.shared.withLock { $0.leaveAllRooms() }
        client.left(slot: slot)
        handle.note(.disconnected)
        context.metrics.disconnections.increment()
        // The middlewares of an event are not counted.
        let isRunning = handle.runningHandlerCount > 0 || hooks?.isProcessing ?? false
        if context.configuration.cancelsHandlersAtDisconnect, isRunning {
            client.shard.running.cancel(owner: handle)
        }
        for listener in hooks?.disconnected ?? [] { run(listener, handle, reason, detail) }
        end(handle)
    }

    /// The end of a socket that never was connected: it was refused, or its client went while the middlewares ran.
    func abandon() {
        guard let handle, !handle.isGone, !handle.connected else { return }
        handle.note(.disconnected)
        if context.configuration.cancelsHandlersAtDisconnect { client.shard.running.cancel(owner: handle) }
        let member = self.member
        self.member = .none
        part.remove(member, id: handle.id, wasActive: false)
        handle.shared.withLock { $0.leaveAllRooms() }
        end(handle)
    }

    /// Releases everything that the application has added; most of it refers to the socket.
    private func end(_ handle: Socket) {
        if let hooks, !hooks.outgoing.isEmpty { part.outgoingListenerCount -= 1 }
        failAcknowledgements(of: handle.id)
        forgetWaiting()
        forgetHandlers()
        hooks = nil
        self.handle = nil
        client.table.release(handle.namespace)
    }

    func forgetHandlers() { handlers = EventHandlers(part.handlerShape) }

    private func run(_ listener: DisconnectListener, _ socket: Socket, _ reason: DisconnectReason, _ detail: String?) {
        switch listener {
        case .synchronous(let handler):
            do {
                try handler(reason, detail)
            } catch {
                socket.handlerFailed(error, event: "disconnect", responder: nil)
            }
        case .asynchronous(let handler):
            // Not among those that the disconnection may cancel.
            client.shard.running.start {
                do {
                    try await handler(reason, detail)
                } catch {
                    socket.handlerFailed(error, event: "disconnect", responder: nil)
                }
            }
        }
    }

    // MARK: Disconnecting

    /// See ``Socket/disconnect(close:)``. When the events of the namespace take their way through other servers, those
    /// that were sent before come first.
    func disconnect(close: Bool) {
        guard connected, !isLeaving else { return }
        guard let store = part.log?.store, let handle else { return performDisconnect(close: close) }
        isLeaving = true
        store.whenDelivered(in: part.name) { handle.core.run { $0.performDisconnect(close: close) } }
    }

    /// The same at this moment.
    func performDisconnect(close: Bool) {
        guard connected else { return }
        if close { client.disconnectAll() } else { disconnectFromNamespace() }
    }

    func disconnectFromNamespace() {
        guard connected else { return }
        client.send(DefaultEncoder.disconnect(nsp: part.name))
        close(.serverNamespaceDisconnect, detail: nil)
    }

    // MARK: Rooms

    /// See ``Socket/join(_:)-([String])``. Rates are not charged.
    func join(_ rooms: [String]) {
        guard let handle, !member.isNone else { return }
        defer { recordChanged() }
        for room in rooms {
            switch part.join(room, member, id: handle.id) {
            case .joined:
                handle.shared.withLock {
                    if room.hasSameBytes(as: handle.id) {
                        $0.isInOwnRoom = true
                    } else {
                        $0.makeExtras().rooms.insert(room)
                    }
                }
            case .alreadyMember, .unknownMember:
                break
            case .tooManyRooms:
                refuseJoin(.rooms, "a socket may be in at most \(client.shard.limits.rooms.maxRoomsPerMember) rooms")
            case .noRoomLeft:
                refuseJoin(.nodeRooms, "the server has \(client.shard.limits.maxRooms) rooms, as many as it may have")
            case .nameTooLong:
                refuseJoin(
                    .nameLength, "a room's name may have at most \(client.shard.limits.rooms.maxNameLength) bytes")
            }
        }
    }

    /// The same, and charges the rates of the client.
    func joinCharged(_ rooms: [String]) {
        guard client.shard.rates != nil else { return join(rooms) }
        join(rooms.filter { _ in !isJoinRefused() })
    }

    /// Charges the rates of the client for a join, and tells whether they refuse it.
    func isJoinRefused() -> Bool {
        guard client.isRefused(.joins) else { return false }
        context.metrics.joinsRefused.increment()
        handle?.report(
            SocketError(.rateLimited, "the client joins more rooms in a second than it may"), event: nil)
        return true
    }

    /// See ``Socket/leave(_:)-([String])``.
    func leave(_ rooms: [String]) {
        guard let handle, !member.isNone else { return }
        defer { recordChanged() }
        for room in rooms where part.leave(room, member, id: handle.id) {
            handle.shared.withLock {
                if room.hasSameBytes(as: handle.id) {
                    $0.isInOwnRoom = false
                } else {
                    $0.extras?.rooms.remove(room)
                }
            }
        }
    }

    private func refuseJoin(_ limit: ClientLimit, _ message: String) {
        context.metrics.joinsRefused.increment()
        context.metrics.refused(limit)
        handle?.report(SocketError(.roomRefused, message), event: nil)
    }

    // MARK: Running handlers

    var hasTooManyHandlers: Bool {
        handle.map { $0.runningHandlerCount >= client.shard.limits.maxRunningHandlers } ?? false
    }

    /// An asynchronous handler has been counted.
    func handlerBegan() {
        if hasTooManyHandlers { client.holdForHandlers() }
    }

    func heldLoop(_ event: String) { context.handlerHeldLoop(event, namespace: part.name) }
}
