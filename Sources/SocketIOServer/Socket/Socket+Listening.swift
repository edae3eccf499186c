// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import LoopConfinement
public import SocketIOCore

/// Handlers of the client's events. They run on the socket's event loop; asynchronous ones leave it at their first suspension and
/// continue where Swift runs asynchronous functions. Work that blocks or computes for long belongs in ``offLoop(_:)``.
///
/// The server decodes the arguments into the handler's parameter types (protocol 4.5). When they do not fit, or the handler throws,
/// only this event fails: the listeners of ``onError(_:)`` get the error, and the client gets the acknowledgement that
/// ``ServerConfiguration/errorAcknowledgement`` makes, if it asked for one. Arguments beyond the parameters are ignored; missing
/// ones are nil for optional parameters. A parameter of type ``Ack``, usually the last, takes the acknowledgement.
///
/// Handlers may be added and removed from any thread. On the event loop this takes effect at once.
extension Socket {
    // MARK: Handlers

    /// Handles an event. Returns an id for ``off(_:_:)``.
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

    /// Handles an event with any number of arguments, which are not decoded.
    @discardableResult
    public func on(
        _ event: String, arguments handler: @escaping @Sendable (EventArguments, DynamicAck) throws -> Void
    ) -> ListenerID {
        add(event, isOnce: false, DynamicHandler(handler))
    }

    /// Handles an event with any number of arguments, which are not decoded. Events reach their handlers in order, up to the first
    /// suspension.
    @discardableResult
    public func on(
        _ event: String, arguments handler: @escaping @Sendable (EventArguments, DynamicAck) async throws -> Void
    ) -> ListenerID {
        add(event, isOnce: false, AsynchronousDynamicHandler(handler))
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

    /// Refuses a reserved name: registers nothing, and reports the error to the listeners of ``onError(_:)``.
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

    /// Runs when the socket is about to disconnect, while it is still in its rooms (protocol 4.6). On the event loop.
    public func onDisconnecting(_ listener: @escaping @Sendable (DisconnectReason) throws -> Void) {
        withHooks { $0.disconnecting.append(.synchronous { reason, _ in try listener(reason) }) }
    }

    /// As the form with one parameter. The second parameter describes what happened, or is nil.
    public func onDisconnecting(_ listener: @escaping @Sendable (DisconnectReason, String?) throws -> Void) {
        withHooks { $0.disconnecting.append(.synchronous(listener)) }
    }

    /// Runs when the socket has disconnected and left its rooms (protocol 4.6). On the event loop.
    public func onDisconnect(_ listener: @escaping @Sendable (DisconnectReason) throws -> Void) {
        withHooks { $0.disconnected.append(.synchronous { reason, _ in try listener(reason) }) }
    }

    /// As the form with one parameter. The second parameter describes what happened, or is nil.
    public func onDisconnect(_ listener: @escaping @Sendable (DisconnectReason, String?) throws -> Void) {
        withHooks { $0.disconnected.append(.synchronous(listener)) }
    }

    /// Runs when the socket has disconnected and left its rooms. Starts on the event loop and leaves it at the first suspension.
    /// ``ServerConfiguration/cancelsHandlersAtDisconnect`` does not cancel it.
    public func onDisconnect(_ listener: @escaping @Sendable (DisconnectReason) async throws -> Void) {
        withHooks { $0.disconnected.append(.asynchronous { reason, _ in try await listener(reason) }) }
    }

    /// As the form with one parameter. The second parameter describes what happened, or is nil.
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
    /// (``slowClientPolicy``), in all its namespaces: once at the end of each delivery that has dropped some. Events
    /// that ``coalescing(_:)`` has replaced do not count, nor do volatile events that were never queued. On the event
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
