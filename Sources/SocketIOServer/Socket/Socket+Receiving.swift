// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import LoopConfinement
internal import NIOCore
internal import SocketIOCore

/// The way of a received event: listeners for any event, middlewares, handlers.
extension SocketCore {
    /// - Parameter name: see ``SocketPacket/shortName``.
    func received(event payload: consuming PacketPayload, name: ShortName?, id: Int?) {
        guard let handle, handle.connected, !isLeaving else { return }
        // A context does not count it.
        defer { withExtendedLifetime(handle) {} }
        let responders = client.shard.responders
        let responder: AckResponder? = if let id { responders.take(handle, id: id) } else { nil }
        if hooks == nil, let unique = handlers.uniqueHandler(payload, name: name) {
            var context = EventDispatch(
                event: unique.event, arguments: EventArguments(payload, offset: 1), responder: consume responder,
                scope: handle)
            let outer = client.shard.watch.begin()
            if let tracing = client.shard.tracing {
                tracing.event(unique.event, of: handle) { unique.handler.run(context, unique.plan) }
            } else {
                unique.handler.run(context, unique.plan)
            }
            if client.shard.watch.end(outer) { heldLoop(unique.event) }
            // The handler has returned: what it was given may serve the next event.
            return responders.put(&context.responder)
        }
        guard let name = payload.eventName else { return }
        let arguments = EventArguments(payload, offset: 1)
        guard let hooks else { return dispatch(name, arguments, responder) }
        for (_, listener) in hooks.incoming { listener(name, arguments) }
        guard !hooks.middlewares.isEmpty else { return dispatch(name, arguments, responder) }
        let bytes = arguments.payload.byteCount
        // What begins at once does not wait, and one event alone may be of any size.
        let limits = client.shard.limits
        let fitsInNumber = hooks.waiting.count < limits.maxWaitingEvents
        let fitsInBytes = client.waitingBytes == 0 || client.waitingBytes + bytes <= limits.maxWaitingBytes
        guard fitsInNumber && fitsInBytes || !hooks.isProcessing else {
            client.exceeded(fitsInNumber ? .waitingBytes : .waitingEvents)
            handle.report(SocketError(.protocolViolation, "too many events wait for the middlewares"), event: name)
            return client.close(detail: "too many events wait for the middlewares")
        }
        let event = IncomingEvent(name: name, arguments: arguments, responder: responder)
        hooks.waiting.append(WaitingEvent(event: event, bytes: bytes))
        client.waitingBytes += bytes
        processWaiting()
    }

    private func dispatch(_ event: String, _ arguments: EventArguments, _ responder: AckResponder?) {
        guard let handle, handle.connected else { return }
        defer { withExtendedLifetime(handle) {} }
        let taken = handlers.take(event)
        var isHandled = true
        if case .none = taken {
            isHandled = false
            context.metrics.eventsUnhandled.increment()
        }
        let context = EventDispatch(event: event, arguments: arguments, responder: responder, scope: handle)
        let outer = client.shard.watch.begin()
        if isHandled, let tracing = client.shard.tracing {
            tracing.event(event, of: handle) { taken.run(context) }
        } else {
            taken.run(context)
        }
        if client.shard.watch.end(outer) { heldLoop(event) }
    }

    /// Takes waiting events through the middlewares, one at a time so that their order stays.
    private func processWaiting() {
        guard let hooks, let handle, !hooks.isAdvancing else { return }
        hooks.isAdvancing = true
        while !hooks.isProcessing, let event = nextWaiting(hooks) {
            hooks.isProcessing = true
            let middlewares = hooks.middlewares
            client.shard.running.start(handle) {
                let result = await handle.process(event, middlewares)
                // At once, if no middleware has been suspended.
                handle.core.run { $0.processed(result) }
            }
        }
        hooks.isAdvancing = false
    }

    private func nextWaiting(_ hooks: SocketHooks) -> IncomingEvent? {
        guard connected, !hooks.waiting.isEmpty else {
            forgetWaiting()
            return nil
        }
        let next = hooks.waiting.removeFirst()
        client.waitingBytes -= next.bytes
        return next.event
    }

    /// The socket goes, and its events with it.
    func forgetWaiting() {
        guard let hooks, !hooks.waiting.isEmpty else { return }
        for waiting in hooks.waiting { client.waitingBytes -= waiting.bytes }
        hooks.waiting = []
    }

    private func processed(_ event: IncomingEvent?) {
        if let event { dispatch(event.name, event.arguments, event.responder) }
        guard let hooks else { return }
        hooks.isProcessing = false
        processWaiting()
    }

    func received(ack payload: PacketPayload, id: Int) {
        guard let pending = acks.take(id) else { return context.metrics.packetsIgnored.increment() }
        let arguments = EventArguments(payload, offset: 0)
        switch pending {
        case .single(let since, let timer, let done):
            client.shard.acknowledgementLatency.record(home.eventLoop.now - since)
            if let timer { client.shard.timers.cancel(timer) }
            done(.success(arguments))
        case .broadcast(let since, let receiver):
            client.shard.acknowledgementLatency.record(home.eventLoop.now - since)
            receiver.acknowledged(arguments, socketID: handle?.id)
        }
    }

    func upgraded(to transport: TransportName) {
        for listener in hooks?.upgrades ?? [] { listener(transport) }
    }
}

extension Socket {
    /// The event as the middlewares leave it; nil when one of them has dropped it.
    fileprivate func process(_ event: IncomingEvent, _ middlewares: [EventMiddleware]) async -> IncomingEvent? {
        var event = event
        do {
            for middleware in middlewares { try await middleware(&event) }
        } catch {
            report(error, event: event.name)
            return nil
        }
        return event
    }
}
