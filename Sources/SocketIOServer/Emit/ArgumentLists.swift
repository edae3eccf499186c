// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOCore

// Every emitter takes its arguments as a list, too, for events whose number of arguments is known at run time only.
// ``Namespace`` has its own beside `serverSideEmit`.

extension Socket {
    /// Sends an event with a list of arguments whose length is known at run time only, see ``emit(_:_:)``.
    public func emit(_ event: String, arguments: [SocketValue]) {
        SocketEmitter(self).emit(event, arguments: arguments)
    }

    /// As ``emit(_:arguments:)``; `ack` is called once, on the socket's event loop.
    public func emit(
        _ event: String, arguments: [SocketValue],
        ack: @escaping @Sendable (Result<EventArguments, any Error>) -> Void
    ) {
        SocketEmitter(self).emit(event, arguments: arguments, ack: ack)
    }

    /// As ``emitWithAck(_:_:as:)``, with a list of arguments.
    public func emitWithAck<Answer: Decodable & Sendable>(
        _ event: String, arguments: [SocketValue], as type: Answer.Type
    ) async throws -> Answer {
        try await SocketEmitter(self).emitWithAck(event, arguments: arguments, as: type)
    }

    /// As ``emitWithAck(_:_:)``, with a list of arguments.
    public func emitWithAck(_ event: String, arguments: [SocketValue]) async throws -> EventArguments {
        try await SocketEmitter(self).emitWithAck(event, arguments: arguments)
    }
}

extension SocketEmitter {
    /// Sends an event with a list of arguments whose length is known at run time only.
    public func emit(_ event: String, arguments: [SocketValue]) {
        socket.emit(event, flags) { try .event(event, headroom: $0, list: arguments) }
    }

    /// As ``emit(_:arguments:)``; `ack` is called once, on the socket's event loop.
    public func emit(
        _ event: String, arguments: [SocketValue],
        ack: @escaping @Sendable (Result<EventArguments, any Error>) -> Void
    ) {
        request(event, ack) { try .event(event, headroom: $0, list: arguments) }
    }

    /// As ``emitWithAck(_:_:as:)``, with a list of arguments.
    public func emitWithAck<Answer: Decodable & Sendable>(
        _ event: String, arguments: [SocketValue], as type: Answer.Type
    ) async throws -> Answer {
        try await emitWithAck(event, arguments: arguments).decode(type)
    }

    /// As ``emitWithAck(_:_:)``, with a list of arguments.
    public func emitWithAck(_ event: String, arguments: [SocketValue]) async throws -> EventArguments {
        try await acknowledgement(event, try .event(event, headroom: socket.namespace.headroom, list: arguments))
    }
}

extension SuspendingEmitter {
    /// As ``emit(_:_:)``, with a list of arguments whose length is known at run time only.
    public func emit(_ event: String, arguments: [SocketValue]) async throws {
        try await send(event, .event(event, headroom: socket.namespace.headroom, list: arguments))
    }
}

extension SuspendingBroadcast {
    /// As ``emit(_:_:)``, with a list of arguments whose length is known at run time only.
    public func emit(_ event: String, arguments: [SocketValue]) async throws {
        try await operation.waitForRoom()
        operation.emit(event, arguments: arguments)
    }
}

extension BroadcastOperator {
    /// Sends an event with a list of arguments whose length is known at run time only, see ``emit(_:_:)``.
    public func emit(_ event: String, arguments: [SocketValue]) {
        send(event) { try .event(event, list: arguments) }
    }

    /// As ``emit(_:arguments:)``; `ack` is called once, on any thread.
    public func emit(
        _ event: String, arguments: [SocketValue],
        ack: @escaping @Sendable (Result<[EventArguments], any Error>) -> Void
    ) {
        collect(event, ack) { try .event(event, list: arguments) }
    }

    /// As ``emitWithAck(_:_:as:)``, with a list of arguments.
    public func emitWithAck<Answer: Decodable & Sendable>(
        _ event: String, arguments: [SocketValue], as type: Answer.Type
    ) async throws -> [Answer] {
        try await emitWithAck(event, arguments: arguments).map { try $0.decode(type) }
    }

    /// As ``emitWithAck(_:_:)``, with a list of arguments.
    public func emitWithAck(_ event: String, arguments: [SocketValue]) async throws -> [EventArguments] {
        try await acknowledgements(event, try .event(event, list: arguments))
    }
}

extension BroadcastSource {
    /// Sends an event to every socket, with a list of arguments whose length is known at run time only.
    public func emit(_ event: String, arguments: [SocketValue]) {
        everyone.emit(event, arguments: arguments)
    }

    /// As ``emitWithAck(_:_:as:)``, with a list of arguments.
    public func emitWithAck<Answer: Decodable & Sendable>(
        _ event: String, arguments: [SocketValue], as type: Answer.Type
    ) async throws -> [Answer] {
        try await everyone.emitWithAck(event, arguments: arguments, as: type)
    }

    /// As ``emitWithAck(_:_:)``, with a list of arguments.
    public func emitWithAck(_ event: String, arguments: [SocketValue]) async throws -> [EventArguments] {
        try await everyone.emitWithAck(event, arguments: arguments)
    }
}

extension RemoteSocket {
    /// Sends an event with a list of arguments whose length is known at run time only to the socket.
    public func emit(_ event: String, arguments: [SocketValue]) {
        room.emit(event, arguments: arguments)
    }

    /// As ``emitWithAck(_:_:as:)``, with a list of arguments.
    public func emitWithAck<Answer: Decodable & Sendable>(
        _ event: String, arguments: [SocketValue], as type: Answer.Type
    ) async throws -> Answer {
        try await acknowledgement(event, try .event(event, list: arguments)).decode(type)
    }
}

extension Server {
    /// As ``serverSideEmit(_:_:)``, with a list of arguments whose length is known at run time only.
    public func serverSideEmit(_ event: String, arguments: [SocketValue]) async throws {
        try await sockets.serverSideEmit(event, arguments: arguments)
    }

    /// As ``serverSideEmitWithAck(_:_:as:timeout:of:)``, with a list of arguments.
    public func serverSideEmitWithAck<Answer: Decodable & Sendable>(
        _ event: String, arguments: [SocketValue], as type: Answer.Type, timeout: Duration = .seconds(5),
        of servers: AskedServers = .all
    ) async throws -> [Answer] {
        try await sockets.serverSideEmitWithAck(event, arguments: arguments, as: type, timeout: timeout, of: servers)
    }
}
