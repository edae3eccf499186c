// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOCore

extension Namespace {
    /// Sends an event to the other servers, where ``on(_:_:)-swift.method`` of this namespace listens; this one gets
    /// nothing. With the in-memory adapter there are no others.
    ///
    /// - Throws: ``SocketError`` for the names `connect`, `connection` and `new_namespace`; `EncodingError`; what the
    ///   adapter throws.
    public func serverSideEmit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws {
        try await adapter.serverSideEmit(serverSidePacket(event, repeat each arguments))
    }

    /// As ``serverSideEmit(_:_:)``, with the first argument of each other server's answer.
    ///
    /// `timeout` is how long to wait, default 5 s; `servers` is who has to answer, by default all.
    public func serverSideEmitWithAck<each Argument: Encodable & Sendable, Answer: Decodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument, as type: Answer.Type, timeout: Duration = .seconds(5),
        of servers: AskedServers = .all
    ) async throws -> [Answer] {
        try await ask(serverSidePacket(event, repeat each arguments), timeout, servers).map { try $0.decode(type) }
    }

    private func serverSidePacket<each Argument: Encodable>(
        _ event: String, _ arguments: repeat each Argument
    ) throws -> BroadcastPacket {
        guard !ReservedEventNames.containsForServers(event) else { throw SocketError.reserved(event) }
        return BroadcastPacket(
            namespace: name, event: event, data: try .unchecked(event, repeat each arguments))
    }

    private func serverSidePacket(_ event: String, list: [SocketValue]) throws -> BroadcastPacket {
        guard !ReservedEventNames.containsForServers(event) else { throw SocketError.reserved(event) }
        return BroadcastPacket(namespace: name, event: event, data: try .unchecked(event, list: list))
    }

    private func ask(
        _ packet: BroadcastPacket, _ timeout: Duration, _ servers: AskedServers
    ) async throws -> [EventArguments] {
        try await Questions.admit()
        return try await adapter.serverSideEmitWithAck(packet, timeout: timeout, of: servers)
    }

    // MARK: Lists of arguments

    /// As ``serverSideEmit(_:_:)``, with a list of arguments whose length is known at run time only.
    public func serverSideEmit(_ event: String, arguments: [SocketValue]) async throws {
        try await adapter.serverSideEmit(serverSidePacket(event, list: arguments))
    }

    /// As ``serverSideEmitWithAck(_:_:as:timeout:of:)``, with a list of arguments whose length is known at run time only.
    public func serverSideEmitWithAck<Answer: Decodable & Sendable>(
        _ event: String, arguments: [SocketValue], as type: Answer.Type, timeout: Duration = .seconds(5),
        of servers: AskedServers = .all
    ) async throws -> [Answer] {
        try await ask(serverSidePacket(event, list: arguments), timeout, servers).map { try $0.decode(type) }
    }
}
