// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import SocketIOCore

extension Socket {
    // MARK: Sending to this client

    /// Sends an event. When the client has disconnected, the event is dropped, or kept for its return with connection state recovery
    /// (protocol 4.12.3, rule 11). A reserved name, and an argument that cannot be encoded, are reported to the listeners of
    /// ``onError(_:)``; nothing is sent then.
    public func emit<each Argument: Encodable & Sendable>(_ event: String, _ arguments: repeat each Argument) {
        if emitInPlace(event, repeat each arguments) { return }
        emit(event, EmitFlags()) { try .event(event, headroom: $0, repeat each arguments) }
    }

    /// Sends an event with arguments that were received; their bytes are copied unchanged.
    public func emit(_ event: String, arguments: EventArguments) {
        emit(event, EmitFlags()) { try .relay(event, headroom: $0, arguments) }
    }

    /// Sends the event `message`.
    public func send<each Argument: Encodable & Sendable>(_ arguments: repeat each Argument) {
        emit("message", repeat each arguments)
    }

    /// Sends an event and waits for the first argument of the client's acknowledgement, for the time of ``timeout(_:)`` or else of
    /// ``ServerConfiguration/acknowledgementTimeout``.
    ///
    /// - Throws: ``SocketError`` with code `timeout`, `disconnected`, `invalidArguments` when the answer has another
    ///   type, `reservedEventName` or `tooManyPendingAcknowledgements`; `CancellationError`; `EncodingError`.
    public func emitWithAck<each Argument: Encodable & Sendable, Answer: Decodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument, as type: Answer.Type
    ) async throws -> Answer {
        try await SocketEmitter(self).emitWithAck(event, repeat each arguments, as: type)
    }

    /// As the typed form; returns all arguments of the acknowledgement without decoding them.
    public func emitWithAck<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws -> EventArguments {
        try await SocketEmitter(self).emitWithAck(event, repeat each arguments)
    }

    /// The callback form of ``emitWithAck(_:_:)``; `ack` is called once, on the socket's event loop.
    public func emit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument,
        ack: @escaping @Sendable (Result<EventArguments, any Error>) -> Void
    ) {
        SocketEmitter(self).emit(event, repeat each arguments, ack: ack)
    }

    // MARK: How

    /// Drops the next event when the client's transport is not ready for it at this moment.
    public var volatile: SocketEmitter { SocketEmitter(self).volatile }

    /// Sets whether transports may compress the next event; default true.
    public func compress(_ compress: Bool) -> SocketEmitter { SocketEmitter(self).compress(compress) }

    /// Sets how long to wait for the acknowledgement of the next event.
    public func timeout(_ timeout: Duration) -> SocketEmitter { SocketEmitter(self).timeout(timeout) }

    /// Replaces an earlier event with the same key that still waits for the client, see ``SocketEmitter/coalescing(_:)``.
    public func coalescing(_ key: String) -> SocketEmitter { SocketEmitter(self).coalescing(key) }

    /// Waits before each event until the client's queue has room for it.
    public var suspending: SuspendingEmitter { SocketEmitter(self).suspending }

    // MARK: Sending to others

    /// All sockets of the namespace except this one.
    public var broadcast: BroadcastOperator { SocketEmitter(self).broadcast }

    /// The sockets in at least one of these rooms, except this socket.
    public func to(_ rooms: String...) -> BroadcastOperator { broadcast.to(rooms) }

    /// The sockets in at least one of these rooms, except this socket.
    public func to(_ rooms: [String]) -> BroadcastOperator { broadcast.to(rooms) }

    /// The same as `to`.
    public func `in`(_ rooms: String...) -> BroadcastOperator { broadcast.to(rooms) }

    /// The same as `to`.
    public func `in`(_ rooms: [String]) -> BroadcastOperator { broadcast.to(rooms) }

    /// All sockets of the namespace except this one and those in these rooms.
    public func except(_ rooms: String...) -> BroadcastOperator { broadcast.except(rooms) }

    /// All sockets of the namespace except this one and those in these rooms.
    public func except(_ rooms: [String]) -> BroadcastOperator { broadcast.except(rooms) }

    /// All sockets of the namespace on this server except this one.
    public var local: BroadcastOperator { broadcast.local }

    // MARK: For this module

    func emit(_ event: String, _ flags: EmitFlags, encode: (_ headroom: Int) throws -> EncodedArguments) {
        do {
            // Emptied where it is used, so that the packet is completed around the text where it lies.
            var arguments = try encode(namespace.headroom)
            if core.runIfHere({ send(event, &arguments, flags, $0) }) != nil { return }
            core.run { [arguments] core in
                var arguments = arguments
                self.send(event, &arguments, flags, core)
            }
        } catch {
            report(error, event: event)
        }
    }

    /// On the loop.
    private func send(_ event: String, _ arguments: inout EncodedArguments, _ flags: EmitFlags, _ core: SocketCore) {
        if core.send(event, &arguments, flags, id: nil) { return }
        if core.part.log != nil { sendToSuccessor(event, arguments, flags) }
    }
}

extension SocketCore {
    /// Returns false, with nothing done, when the socket has gone.
    ///
    /// - Parameter arguments: emptied, unless nothing is sent.
    @discardableResult
    func send(_ event: String, _ arguments: inout EncodedArguments, _ flags: EmitFlags, id: Int?) -> Bool {
        guard !isGone, !isLeaving else { return false }
        if id == nil, sendThroughAdapter(event, arguments, flags) { return true }
        if let hooks, !hooks.outgoing.isEmpty {
            notifyOutgoing(BroadcastPacket(namespace: part.name, event: event, data: arguments))
        }
        let session = client.session
        if flags.isVolatile, !session.isWritable {
            context.metrics.volatileDropped.increment()
            return true
        }
        if id == nil, let log = part.log, !client.session.isRevision3 {
            sendInOrder(arguments, flags, log)
            return true
        }
        var message = arguments.takeEvent(nsp: part.name, id: id, compress: flags.compress)
        message.origin = part.number
        message.isVolatile = flags.isVolatile
        message.coalescingKey = flags.coalescingKey?.inNamespace(part.number)
        client.send(message)
        return true
    }

    /// Calls the listeners for outgoing events.
    func notifyOutgoing(_ packet: BroadcastPacket) {
        guard let hooks, !hooks.outgoing.isEmpty, let arguments = try? packet.arguments() else { return }
        for (_, listener) in hooks.outgoing { listener(packet.event, arguments) }
    }
}
