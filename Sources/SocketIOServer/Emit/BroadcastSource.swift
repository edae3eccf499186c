// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore

/// Something whose sockets can be reached together: a ``Server`` (its namespace `/`), a ``Namespace``, or a
/// ``ParentNamespace`` (all its children).
public protocol BroadcastSource: Sendable {
    /// Every socket.
    var everyone: BroadcastOperator { get }
}

extension BroadcastSource {
    // MARK: Recipients

    /// The sockets in at least one of these rooms. Each receives an event once.
    public func to(_ rooms: String...) -> BroadcastOperator { everyone.to(rooms) }

    /// The sockets in at least one of these rooms. Each receives an event once.
    public func to(_ rooms: [String]) -> BroadcastOperator { everyone.to(rooms) }

    /// The same as `to`.
    public func `in`(_ rooms: String...) -> BroadcastOperator { everyone.to(rooms) }

    /// The same as `to`.
    public func `in`(_ rooms: [String]) -> BroadcastOperator { everyone.to(rooms) }

    /// All sockets except those in these rooms. The id of a socket is the name of a room that only this socket is in.
    public func except(_ rooms: String...) -> BroadcastOperator { everyone.except(rooms) }

    /// All sockets except those in these rooms.
    public func except(_ rooms: [String]) -> BroadcastOperator { everyone.except(rooms) }

    // MARK: How

    /// Limits the recipients to sockets connected to this server.
    public var local: BroadcastOperator { everyone.local }

    /// Drops the event for clients whose transport is not ready for it at this moment.
    public var volatile: BroadcastOperator { everyone.volatile }

    /// Sets whether transports may compress the event; default true.
    public func compress(_ compress: Bool) -> BroadcastOperator { everyone.compress(compress) }

    /// Replaces an earlier event that is still queued for a client, see ``BroadcastOperator/coalescing(_:)``.
    public func coalescing(_ key: String) -> BroadcastOperator { everyone.coalescing(key) }

    /// Sends no faster than the slowest client reads, see ``SuspendingBroadcast``.
    public var suspending: SuspendingBroadcast { everyone.suspending }

    /// Sets how long to wait for acknowledgements; default ``ServerConfiguration/broadcastAcknowledgementTimeout``.
    public func timeout(_ timeout: Duration) -> BroadcastOperator { everyone.timeout(timeout) }

    // MARK: Sending

    /// Sends an event to every socket. A reserved name, or an argument that cannot be encoded, is logged, and nothing is
    /// sent.
    public func emit<each Argument: Encodable & Sendable>(_ event: String, _ arguments: repeat each Argument) {
        everyone.emit(event, repeat each arguments)
    }

    /// Sends an event with arguments that were received; their bytes are copied unchanged.
    public func emit(_ event: String, arguments: EventArguments) {
        everyone.emit(event, arguments: arguments)
    }

    /// Sends the event `message` to every socket.
    public func send<each Argument: Encodable & Sendable>(_ arguments: repeat each Argument) {
        everyone.send(repeat each arguments)
    }

    /// Sends an event to every socket and collects the first argument of each acknowledgement, see
    /// ``BroadcastOperator/emitWithAck(_:_:as:)``.
    public func emitWithAck<each Argument: Encodable & Sendable, Answer: Decodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument, as type: Answer.Type
    ) async throws -> [Answer] {
        try await everyone.emitWithAck(event, repeat each arguments, as: type)
    }

    /// As the typed form; returns each client's arguments without decoding them.
    public func emitWithAck<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws -> [EventArguments] {
        try await everyone.emitWithAck(event, repeat each arguments)
    }

    // MARK: Sockets

    /// All sockets, wherever they are connected. See ``BroadcastOperator/fetchSockets(timeout:partialResults:)``.
    public func fetchSockets(
        timeout: Duration? = nil, partialResults: QueryOptions.PartialResults? = nil
    ) async throws -> [RemoteSocket] {
        try await everyone.fetchSockets(timeout: timeout, partialResults: partialResults)
    }

    /// The ids of all sockets, wherever they are connected.
    public func allSockets(
        timeout: Duration? = nil, partialResults: QueryOptions.PartialResults? = nil
    ) async throws -> NameSet {
        try await everyone.allSockets(timeout: timeout, partialResults: partialResults)
    }

    /// Makes all sockets join rooms. Returns before it is done.
    public func socketsJoin(_ rooms: String...) { everyone.socketsJoin(rooms) }

    /// Makes all sockets leave rooms. Returns before it is done.
    public func socketsLeave(_ rooms: String...) { everyone.socketsLeave(rooms) }

    /// Disconnects all sockets; with `close` their whole connections. Returns before it is done.
    public func disconnectSockets(close: Bool = false) { everyone.disconnectSockets(close: close) }
}

extension Namespace: BroadcastSource {
    /// Every socket of the namespace.
    public var everyone: BroadcastOperator { BroadcastOperator(.namespace(self)) }
}

extension ParentNamespace: BroadcastSource {
    /// Every socket of every child.
    public var everyone: BroadcastOperator { BroadcastOperator(.parent(self)) }
}

extension Server: BroadcastSource {
    /// Every socket of the namespace `/`.
    public var everyone: BroadcastOperator { sockets.everyone }
}
