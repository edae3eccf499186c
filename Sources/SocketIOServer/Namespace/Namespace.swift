// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Logging
internal import NIOConcurrencyHelpers
internal import SocketIOCore

/// One namespace of a server: its sockets, rooms, middlewares and handlers.
///
/// All methods may be called from any thread.
public final class Namespace: Sendable {
    /// The name, with its leading slash.
    public let name: String
    /// The adapter, which performs everything that concerns more than one socket.
    public let adapter: any Adapter
    /// Performs operations for the sockets of this server only, whatever the adapter is.
    public let local: MemoryAdapter

    let context: ServerContext
    let slowClients = SlowClientPolicyCell()
    /// Tells messages of this namespace from those of others.
    var number: Int32 { local.number }
    /// Room to leave in front of an event's text for the rest of its packet.
    let headroom: Int
    let serverEvents: ServerEvents
    private let registration: NIOLockedValueBox<ConnectRegistration>
    /// Set by the first ``closeAdapter()``.
    private let closing = NIOLockedValueBox<Task<Void, Never>?>(nil)

    /// - Parameter isAlone: Whether the namespace gets no adapter that reaches other servers, because this one has closed.
    init(name: String, context: ServerContext, registration: ConnectRegistration? = nil, isAlone: Bool = false) {
        let home = context.shards[abs(ExactName(name).hashValue % context.shards.count)]
        let local = MemoryAdapter(name: name, context: context, home: home)
        let events = ServerEvents(namespace: name, context: context, home: home)
        self.name = name
        self.context = context
        self.headroom = DefaultEncoder.headroom(nsp: name)
        self.local = local
        self.serverEvents = events
        let adapterContext = AdapterContext(
            namespace: name, local: local, logger: context.configuration.logger, eventLoop: home.eventLoop,
            nodeTag: context.configuration.engine.nodeTag, rates: context.rates, serverEvents: events)
        let adapter = isAlone ? local : context.configuration.adapter(adapterContext)
        self.adapter = context.configuration.tracer.map { TracingAdapter(around: adapter, of: name, $0) } ?? adapter
        self.registration = NIOLockedValueBox(registration ?? ConnectRegistration())
        slowClients.set(registration?.slowClientPolicy)
        local.histories?.begin(local, isAlone: adapter.endsAt(local))
    }

    // MARK: Connecting

    /// Adds a middleware, which runs for every socket before it is connected, after the middlewares that were added earlier. It
    /// refuses the socket by throwing; the client gets the text of a ``ClientFacingError``, otherwise `internal error`
    /// (protocol 3.5). It starts on the socket's event loop, and leaves it at the first suspension.
    public func use(_ middleware: @escaping ConnectMiddleware) {
        registration.withLockedValue { $0.middlewares.append(middleware) }
    }

    /// Runs `handler` for every socket that connects, on the socket's event loop, before its first event.
    public func onConnection(_ handler: @escaping @Sendable (Socket) throws -> Void) {
        registration.withLockedValue { $0.handlers.append(.synchronous(handler)) }
    }

    /// The asynchronous form: `handler` starts on the socket's event loop before the socket's first event is handled, and leaves the
    /// loop at its first suspension. Register the handlers of events before that.
    public func onConnection(_ handler: @escaping @Sendable (Socket) async throws -> Void) {
        registration.withLockedValue { $0.handlers.append(.asynchronous(handler)) }
    }

    /// The middlewares that run for a new socket.
    func middlewares(for continuation: SocketContinuation?) -> [ConnectMiddleware] {
        registration.withLockedValue { registration in
            guard let earlier = continuation?.earlier, context.recovery?.settings.skipMiddlewares == true,
                earlier.subject == nil, !earlier.isFromNodeJS, !registration.alwaysRunsMiddlewares
            else { return registration.middlewares }
            return []
        }
    }

    /// Has the middlewares run for clients that continue their session, too, whatever the configuration says.
    package func alwaysRunMiddlewares() { registration.withLockedValue { $0.alwaysRunsMiddlewares = true } }

    /// - Parameter core: the socket, where it lives.
    func connected(_ core: SocketCore, _ socket: Socket) {
        context.metrics.connections.increment()
        for handler in registration.withLockedValue({ $0.handlers }) { handler.run(core, socket) }
    }

    // MARK: Looking

    /// How many sockets are connected to this server.
    public var socketCount: Int { local.socketCount }

    /// The sockets connected to this server, in no order.
    public func sockets() async -> [Socket] {
        await local.localSockets(BroadcastOptions())
    }

    /// A socket connected to this server.
    public func socket(_ id: String) async -> Socket? {
        await local.localSockets(BroadcastOptions(rooms: [id])).first { $0.id.hasSameBytes(as: id) }
    }

    /// Calls `observer` when rooms come and go on this server, and sockets join and leave them, see ``MemoryAdapter/onRoomEvent(_:)``.
    public func onRoomEvent(_ observer: @escaping @Sendable (RoomEvent) -> Void) {
        local.onRoomEvent(observer)
    }

    // MARK: Other servers

    /// Handles an event that other servers send with `serverSideEmit`. The handler runs where the adapter receives the event, so it
    /// must not block. Returns an id for ``off(_:_:)``.
    @discardableResult
    public func on<each Argument: Decodable & Sendable>(
        _ event: String, _ handler: @escaping @Sendable (repeat each Argument) throws -> Void
    ) -> ListenerID {
        serverEvents.add(event, isOnce: false, SynchronousHandler(handler))
    }

    /// The asynchronous form; the handler begins where the adapter receives the event, and leaves that place at its first suspension.
    @discardableResult
    public func on<each Argument: Decodable & Sendable>(
        _ event: String, _ handler: @escaping @Sendable (repeat each Argument) async throws -> Void
    ) -> ListenerID {
        serverEvents.add(event, isOnce: false, AsynchronousHandler(handler))
    }

    /// Handles an event that other servers send with `serverSideEmitWithAck`; the returned value is the answer.
    @discardableResult
    public func on<each Argument: Decodable & Sendable, Answer: Encodable & Sendable>(
        _ event: String, _ handler: @escaping @Sendable (repeat each Argument) throws -> Answer
    ) -> ListenerID {
        serverEvents.add(event, isOnce: false, AnsweringHandler(handler))
    }

    /// The asynchronous form; the handler begins where the adapter receives the event, and leaves that place at its first suspension.
    @discardableResult
    public func on<each Argument: Decodable & Sendable, Answer: Encodable & Sendable>(
        _ event: String, _ handler: @escaping @Sendable (repeat each Argument) async throws -> Answer
    ) -> ListenerID {
        serverEvents.add(event, isOnce: false, AsynchronousAnsweringHandler(handler))
    }

    /// Handles an event of other servers with any number of arguments, which are not decoded.
    @discardableResult
    public func on(
        _ event: String, arguments handler: @escaping @Sendable (EventArguments, DynamicAck) throws -> Void
    ) -> ListenerID {
        serverEvents.add(event, isOnce: false, DynamicHandler(handler))
    }

    /// The asynchronous form; the handler begins where the adapter receives the event, and leaves that place at its first suspension.
    @discardableResult
    public func on(
        _ event: String, arguments handler: @escaping @Sendable (EventArguments, DynamicAck) async throws -> Void
    ) -> ListenerID {
        serverEvents.add(event, isOnce: false, AsynchronousDynamicHandler(handler))
    }

    /// Removes one handler of an event of other servers, or all of them.
    public func off(_ event: String, _ id: ListenerID? = nil) {
        serverEvents.remove(event, id: id)
    }

    // MARK: For this module

    func startAdapter() {
        let (adapter, context, name) = (adapter, context, name)
        Task {
            do {
                try await adapter.start()
            } catch {
                context.log.log(.adapterNotStarted, level: .error, LogMetadata.namespace(name, error: error))
            }
        }
    }

    /// Closes the adapter once; further calls wait for the first one.
    func closeAdapter() async {
        let closing = closing.withLockedValue { closing -> Task<Void, Never> in
            if let closing { return closing }
            let task = Task { [adapter] in await adapter.close() }
            closing = task
            return task
        }
        await closing.value
    }

    /// Counts and logs the failure of a call that returns no error.
    func report(_ error: any Error) {
        context.metrics.handlerFailures.increment()
        context.log.log(.eventNotSent, level: .error, LogMetadata.namespace(name, error: error))
    }
}
