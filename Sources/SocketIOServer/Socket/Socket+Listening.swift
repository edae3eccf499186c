// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import LoopConfinement
public import SocketIOCore

/// Handlers of the client's events. They run on the socket's event loop, asynchronous ones up to their first suspension and
/// then where Swift runs them. What blocks or computes for long must not happen on the loop: see ``offLoop(_:)``.
///
/// Arguments are decoded into the handler's parameter types; an event with others fails alone: it is reported to the
/// error listeners, and acknowledged with an error if the client asked for it. So is an event whose handler throws. More
/// arguments than parameters are ignored, and missing ones are nil for optional parameters. An ``Ack`` parameter, usually
/// the last, takes the acknowledgement.
extension Socket {
    // MARK: Handlers

    /// Handles an event.
    @discardableResult
    public func on<each Argument: Decodable & Sendable>(
        _ event: String, _ handler: @escaping @Sendable (repeat each Argument) throws -> Void
    ) -> ListenerID {
        add(event, isOnce: false, SynchronousHandler(handler))
    }

    /// Handles an event; the returned value is the acknowledgement.
    @discardableResult
    public func on<each Argument: Decodable & Sendable, Answer: Encodable & Sendable>(
        _ event: String, _ handler: @escaping @Sendable (repeat each Argument) throws -> Answer
    ) -> ListenerID {
        add(event, isOnce: false, AnsweringHandler(handler))
    }

    /// Handles an event. Events reach their handlers in order, up to the first suspension.
    @discardableResult
    public func on<each Argument: Decodable & Sendable>(
        _ event: String, _ handler: @escaping @Sendable (repeat each Argument) async throws -> Void
    ) -> ListenerID {
        add(event, isOnce: false, AsynchronousHandler(handler))
    }

    /// Handles an event; the returned value is the acknowledgement. Events reach their handlers in order, up to the first
    /// suspension.
    @discardableResult
    public func on<each Argument: Decodable & Sendable, Answer: Encodable & Sendable>(
        _ event: String, _ handler: @escaping @Sendable (repeat each Argument) async throws -> Answer
    ) -> ListenerID {
        add(event, isOnce: false, AsynchronousAnsweringHandler(handler))
    }

    /// Handles an event with any number of arguments, as they came.
    @discardableResult
    public func on(
        _ event: String, arguments handler: @escaping @Sendable (EventArguments, DynamicAck) throws -> Void
    ) -> ListenerID {
        add(event, isOnce: false, DynamicHandler(handler))
    }

    /// Handles the next event of this name only.
    @discardableResult
    public func once<each Argument: Decodable & Sendable>(
        _ event: String, _ handler: @escaping @Sendable (repeat each Argument) throws -> Void
    ) -> ListenerID {
        add(event, isOnce: true, SynchronousHandler(handler))
    }

    /// Handles the next event of this name only; the returned value is the acknowledgement.
    @discardableResult
    public func once<each Argument: Decodable & Sendable, Answer: Encodable & Sendable>(
        _ event: String, _ handler: @escaping @Sendable (repeat each Argument) throws -> Answer
    ) -> ListenerID {
        add(event, isOnce: true, AnsweringHandler(handler))
    }

    /// Handles the next event of this name only.
    @discardableResult
    public func once<each Argument: Decodable & Sendable>(
        _ event: String, _ handler: @escaping @Sendable (repeat each Argument) async throws -> Void
    ) -> ListenerID {
        add(event, isOnce: true, AsynchronousHandler(handler))
    }

    /// Handles the next event of this name only; the returned value is the acknowledgement.
    @discardableResult
    public func once<each Argument: Decodable & Sendable, Answer: Encodable & Sendable>(
        _ event: String, _ handler: @escaping @Sendable (repeat each Argument) async throws -> Answer
    ) -> ListenerID {
        add(event, isOnce: true, AsynchronousAnsweringHandler(handler))
    }

    /// Removes one handler of an event, or all of them.
    public func off(_ event: String, _ id: ListenerID? = nil) {
        core.run { core in
            if let id { core.handlers.remove(event, id: id) } else { core.handlers.removeAll(event) }
        }
    }

    /// Removes the handlers of all events.
    public func offAll() {
        core.run { $0.forgetHandlers() }
    }

    /// A reserved name is refused: nothing is registered, and the error listeners hear of it.
    private func add(_ event: String, isOnce: Bool, _ handler: any EventHandler) -> ListenerID {
        guard !ReservedEventNames.contains(event) else {
            report(SocketError.reservedForListening(event), event: event)
            return handler.id
        }
        core.run { core in
            guard !core.isGone else { return }
            core.handlers.add(event, isOnce: isOnce, handler)
        }
        return handler.id
    }

    // MARK: The end

    /// Runs when the socket is about to leave: its rooms are still there.
    public func onDisconnecting(_ listener: @escaping @Sendable (DisconnectReason) throws -> Void) {
        withHooks { $0.disconnecting.append(.synchronous { reason, _ in try listener(reason) }) }
    }

    /// As the form with one parameter, with a description of what happened if there is one.
    public func onDisconnecting(_ listener: @escaping @Sendable (DisconnectReason, String?) throws -> Void) {
        withHooks { $0.disconnecting.append(.synchronous(listener)) }
    }

    /// Runs when the socket has left.
    public func onDisconnect(_ listener: @escaping @Sendable (DisconnectReason) throws -> Void) {
        withHooks { $0.disconnected.append(.synchronous { reason, _ in try listener(reason) }) }
    }

    /// As the form with one parameter, with a description of what happened if there is one.
    public func onDisconnect(_ listener: @escaping @Sendable (DisconnectReason, String?) throws -> Void) {
        withHooks { $0.disconnected.append(.synchronous(listener)) }
    }

    /// Runs when the socket has left.
    public func onDisconnect(_ listener: @escaping @Sendable (DisconnectReason) async throws -> Void) {
        withHooks { $0.disconnected.append(.asynchronous { reason, _ in try await listener(reason) }) }
    }

    /// As the form with one parameter, with a description of what happened if there is one.
    public func onDisconnect(_ listener: @escaping @Sendable (DisconnectReason, String?) async throws -> Void) {
        withHooks { $0.disconnected.append(.asynchronous(listener)) }
    }

    /// Calls `listener` with everything that fails for this socket: handlers that throw, arguments of the wrong type, events dropped by
    /// a middleware, packets that cannot be decoded, calls that were refused. On the event loop.
    public func onError(_ listener: @escaping @Sendable (any Error) -> Void) {
        withHooks { $0.errors.append(listener) }
    }

    /// Calls `listener` when the client changes from long-polling to WebSocket. On the event loop.
    public func onUpgrade(_ listener: @escaping @Sendable (TransportName) -> Void) {
        withHooks { $0.upgrades.append(listener) }
    }

    /// Calls `listener` with the number of messages that were dropped because the client reads too slowly
    /// (``slowClientPolicy``): those of all its namespaces, once at the end of each delivery that dropped some. Events
    /// replaced by ``coalescing(_:)`` do not count, nor do volatile events that were never queued. Called on the event
    /// loop.
    public func onMessagesDropped(_ listener: @escaping @Sendable (Int) -> Void) {
        withHooks { $0.drops.append(listener) }
    }

    // MARK: Any event

    /// Adds a middleware, see ``EventMiddleware``.
    public func use(_ middleware: @escaping EventMiddleware) {
        withHooks { $0.middlewares.append(middleware) }
    }

    /// Calls `listener` with every received event, before its middlewares and handlers.
    @discardableResult
    public func onAny(_ listener: @escaping @Sendable (String, EventArguments) -> Void) -> ListenerID {
        let id = ListenerID.make()
        withHooks { $0.incoming.append((id, listener)) }
        return id
    }

    /// As ``onAny(_:)``, before the listeners added so far.
    @discardableResult
    public func prependAny(_ listener: @escaping @Sendable (String, EventArguments) -> Void) -> ListenerID {
        let id = ListenerID.make()
        withHooks { $0.incoming.insert((id, listener), at: 0) }
        return id
    }

    /// Removes one listener of ``onAny(_:)``, or all of them.
    public func offAny(_ id: ListenerID? = nil) {
        withHooks { hooks in hooks.incoming.removeAll { id == nil || $0.id == id } }
    }

    /// Calls `listener` with every event sent to this client. Broadcasts are included, acknowledgements are not.
    @discardableResult
    public func onAnyOutgoing(_ listener: @escaping @Sendable (String, EventArguments) -> Void) -> ListenerID {
        addOutgoing(listener, first: false)
    }

    /// As ``onAnyOutgoing(_:)``, before the listeners added so far.
    @discardableResult
    public func prependAnyOutgoing(_ listener: @escaping @Sendable (String, EventArguments) -> Void) -> ListenerID {
        addOutgoing(listener, first: true)
    }

    /// Removes one listener of ``onAnyOutgoing(_:)``, or all of them.
    public func offAnyOutgoing(_ id: ListenerID? = nil) {
        core.run { core in
            guard let hooks = core.hooks, !hooks.outgoing.isEmpty else { return }
            hooks.outgoing.removeAll { id == nil || $0.id == id }
            if hooks.outgoing.isEmpty { core.part.outgoingListenerCount -= 1 }
        }
    }

    private func addOutgoing(
        _ listener: @escaping @Sendable (String, EventArguments) -> Void, first: Bool
    ) -> ListenerID {
        let id = ListenerID.make()
        core.run { core in
            guard let hooks = core.makeHooks() else { return }
            if hooks.outgoing.isEmpty { core.part.outgoingListenerCount += 1 }
            hooks.outgoing.insert((id, listener), at: first ? 0 : hooks.outgoing.count)
        }
        return id
    }

    private func withHooks(_ change: @escaping @Sendable (SocketHooks) -> Void) {
        core.run { core in
            if let hooks = core.makeHooks() { change(hooks) }
        }
    }
}

extension SocketCore {
    /// The hooks, to be changed; nil when the socket has gone.
    fileprivate func makeHooks() -> SocketHooks? {
        guard !isGone else { return nil }
        let made = hooks ?? SocketHooks()
        hooks = made
        return made
    }
}
