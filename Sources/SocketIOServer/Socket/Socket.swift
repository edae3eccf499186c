// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
public import EngineIOServer
internal import Logging
public import NIOCore
internal import SocketIOCore
internal import Synchronization

/// One client in one namespace.
///
/// A handle that may be used from anywhere and kept as long as wanted: nothing fails when the client has gone. Calls
/// made on the socket's event loop act at once: those of synchronous handlers, and of asynchronous ones before their first
/// suspension. Calls from elsewhere are handed to the loop. The calls of one caller act in their order in any case.
///
/// `@unchecked Sendable`, because `handlers`, `hooks` and `acks` are confined to the event loop; everything else is
/// immutable, atomic or behind a lock.
public final class Socket: @unchecked Sendable, Identifiable {
    /// Whether middlewares run, events flow, or nothing happens any more.
    private enum Phase: UInt8 {
        case connecting
        case connected
        case disconnected
    }

    /// The socket's public id: 20 random characters, also the name of a room it is in.
    public let id: String
    /// The namespace the socket belongs to.
    public let namespace: Namespace
    /// What is known from the first request and the CONNECT packet.
    public var handshake: Handshake {
        Handshake(request: client.session.handshake, given: auth, issued: issued)
    }

    let client: Client
    let home: NamespaceShard
    private let auth: GivenAuth?
    private let issued = WallClock.milliseconds()
    let shared = Mutex(Shared())
    // What is small follows each other: there is one socket for each connection at least.
    private let phase = Atomic(Phase.connecting.rawValue)
    let slowClients = SlowClientPolicyCell()
    private let clientSlot: Int32
    /// Asynchronous handlers that have not ended. They begin on the event loop and end anywhere.
    private let handlersRunning = Atomic<Int32>(0)

    // Confined to the event loop. Overlapping access to what every event asks for is not checked for at run time: the
    // handlers are a value that calls nothing back, the hooks a reference.
    private var member = RoomMember.none
    @exclusivity(unchecked)
    var handlers: EventHandlers
    @exclusivity(unchecked)
    var hooks: SocketHooks?
    var acks = AckTable<PendingAcknowledgement>()

    init(client: Client, slot: Int, namespace: Namespace, auth: GivenAuth?) {
        self.id = RandomID.make()
        self.client = client
        self.clientSlot = Int32(truncatingIfNeeded: slot)
        self.namespace = namespace
        self.auth = auth
        self.home = namespace.local.shards[client.shard.index]
        self.handlers = EventHandlers(home.handlerShape)
        self.member = home.add(self)
    }

    // MARK: State

    /// Whether the socket is connected: from the end of its middlewares to its disconnection.
    public var connected: Bool { phase.load(ordering: .acquiring) == Phase.connected.rawValue }

    /// The opposite of ``connected``.
    public var disconnected: Bool { !connected }

    /// Whether the socket continues an earlier one; always false without connection state recovery.
    public var recovered: Bool { false }

    /// The event loop of the socket, on which its handlers run: asynchronous ones up to their first suspension.
    public var eventLoop: any EventLoop { client.shard.eventLoop }

    /// The session the socket came over, shared with the client's sockets in other namespaces.
    public var conn: EngineSession { client.session }

    /// The place among the client's sockets.
    var slot: Int { Int(clientSlot) }

    var isGone: Bool { phase.load(ordering: .acquiring) == Phase.disconnected.rawValue }

    var context: ServerContext { client.context }

    /// Runs `body` on the loop: now, or after what has been handed to the loop before.
    package func onLoop(_ body: @escaping @Sendable () -> Void) {
        if client.shard.eventLoop.inEventLoop { body() } else { client.shard.shard.run(body) }
    }

    // MARK: Life

    /// The middlewares have let the socket pass.
    func becomeConnected() {
        guard !member.isNone else { return }
        phase.store(Phase.connected.rawValue, ordering: .releasing)
        home.activate(member)
        joinNow([id])
    }

    /// The end of a socket that was connected, in the order of protocol 4.6. Does nothing when called again.
    func close(_ reason: DisconnectReason, detail: String?) {
        guard connected, !member.isNone else { return }
        for listener in hooks?.disconnecting ?? [] { run(listener, reason, detail) }
        // A listener may have disconnected the socket itself.
        guard connected else { return }
        let member = self.member
        self.member = .none
        home.remove(member, id: id, wasActive: true)
        shared.withLock { $0.leaveAllRooms() }
        client.left(slot: slot)
        phase.store(Phase.disconnected.rawValue, ordering: .releasing)
        context.metrics.disconnections.increment()
        if context.configuration.cancelsHandlersAtDisconnect, runningHandlerCount > 0 { running.cancel(owner: self) }
        for listener in hooks?.disconnected ?? [] { run(listener, reason, detail) }
        end()
    }

    /// The end of a socket that never was connected.
    func abandon() {
        guard !isGone, !connected else { return }
        phase.store(Phase.disconnected.rawValue, ordering: .releasing)
        let member = self.member
        self.member = .none
        home.remove(member, id: id, wasActive: false)
        shared.withLock { $0.leaveAllRooms() }
        end()
    }

    /// Lets go of everything the application has given; most of it refers to the socket.
    private func end() {
        if let hooks, !hooks.outgoing.isEmpty { home.outgoingListenerCount -= 1 }
        failAcknowledgements()
        forgetWaiting()
        forgetHandlers()
        hooks = nil
        client.table.release(namespace)
    }

    func forgetHandlers() { handlers = EventHandlers(home.handlerShape) }

    private func run(_ listener: DisconnectListener, _ reason: DisconnectReason, _ detail: String?) {
        switch listener {
        case .synchronous(let handler):
            do {
                try handler(reason, detail)
            } catch {
                handlerFailed(error, event: "disconnect", responder: nil)
            }
        case .asynchronous(let handler):
            // Not among those that the disconnection may cancel.
            running.start {
                do {
                    try await handler(reason, detail)
                } catch {
                    self.handlerFailed(error, event: "disconnect", responder: nil)
                }
            }
        }
    }

    // MARK: Disconnecting

    /// Disconnects the socket from its namespace; with `close` the whole client, from all its namespaces.
    ///
    /// The stock client does not come back by itself after this.
    public func disconnect(close: Bool = false) {
        onLoop { self.disconnectNow(close: close) }
    }

    func disconnectNow(close: Bool) {
        guard connected else { return }
        if close { client.disconnectAll() } else { disconnectFromNamespace() }
    }

    func disconnectFromNamespace() {
        guard connected else { return }
        client.session.send(DefaultEncoder.disconnect(nsp: namespace.name))
        close(.serverNamespaceDisconnect, detail: nil)
    }

    // MARK: Rooms, on the loop

    func joinNow(_ rooms: [String]) {
        guard !member.isNone else { return }
        for room in rooms {
            switch home.join(room, member, id: id) {
            case .joined:
                shared.withLock {
                    if room.hasSameBytes(as: id) {
                        $0.isInOwnRoom = true
                    } else {
                        $0.makeBelongings().rooms.insert(room)
                    }
                }
            case .alreadyMember, .unknownMember:
                break
            case .tooManyRooms:
                refuseJoin(.rooms, "a socket may be in at most \(client.shard.limits.rooms.maxRoomsPerMember) rooms")
            case .nameTooLong:
                refuseJoin(
                    .nameLength, "a room's name may have at most \(client.shard.limits.rooms.maxNameLength) bytes")
            }
        }
    }

    func leaveNow(_ rooms: [String]) {
        guard !member.isNone else { return }
        for room in rooms where home.leave(room, member, id: id) {
            shared.withLock {
                if room.hasSameBytes(as: id) { $0.isInOwnRoom = false } else { $0.belongings?.rooms.remove(room) }
            }
        }
    }

    private func refuseJoin(_ limit: ClientLimit, _ message: String) {
        context.metrics.joinsRefused.increment()
        context.metrics.refused(limit)
        report(SocketError(.roomRefused, message), event: nil)
    }
}

extension Socket: HandlerScope {
    var running: RunningHandlers { client.shard.running }

    private var runningHandlerCount: Int { Int(handlersRunning.load(ordering: .relaxed)) }

    var hasTooManyHandlers: Bool { runningHandlerCount >= client.shard.limits.maxRunningHandlers }

    func handlerBegins() {
        let count = handlersRunning.wrappingAdd(1, ordering: .relaxed).newValue
        if Int(count) >= client.shard.limits.maxRunningHandlers { client.holdForHandlers() }
    }

    func handlerEnded() { handlersRunning.wrappingSubtract(1, ordering: .relaxed) }

    var asker: Socket? { client.shard.rates?.limits(.questions) == true ? self : nil }

    func handlerFailed(_ error: any Error, event: String, responder: AckResponder?) {
        report(error, event: event)
        if let responder, let answer = context.configuration.errorAcknowledgement(error) {
            responder.respond(answer)
        }
    }

    /// Something of this socket has failed: counted, logged, told to the error listeners. Never ends anything. From any
    /// thread.
    func report(_ error: any Error, event: String?) {
        let isPeersFault: Bool
        var kind = SocketLogKind.eventFailed
        switch (error as? SocketError)?.code {
        case .roomRefused:
            kind = .joinRefused
            isPeersFault = false
        case .invalidArguments where event != nil:
            context.metrics.eventsInvalid.increment()
            // Mostly a mistake in the client or the handler, which its author ought to see.
            kind = .argumentsInvalid
            isPeersFault = false
        case .invalidArguments:
            context.metrics.eventsInvalid.increment()
            isPeersFault = true
        case .protocolViolation:
            isPeersFault = true
        default:
            context.metrics.handlerFailures.increment()
            isPeersFault = error is any ClientFacingError
        }
        if isPeersFault { kind = .eventInvalid }
        context.log.log(
            kind, level: isPeersFault ? .debug : .warning, LogMetadata.socket(self, error: error, event: event))
        onLoop {
            for listener in self.hooks?.errors ?? [] { listener(error) }
        }
    }
}

extension Socket: CustomStringConvertible {
    /// Namespace and id.
    public var description: String { "\(namespace.name)#\(id)" }
}
