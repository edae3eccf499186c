// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
internal import SocketIOCore

extension BroadcastOperator {
    /// Counts the selected sockets of all servers. Cheaper than
    /// ``fetchSockets(timeout:partialResults:)``, which describes the parameters: servers of this kind exchange numbers only.
    ///
    /// - Throws: ``SocketError`` with code `notSupported` on a parent namespace; what the adapter throws.
    public func count(
        timeout: Duration? = nil, partialResults: QueryOptions.PartialResults? = nil
    ) async throws -> Int {
        guard case .namespace(let namespace) = target else {
            throw SocketError(.notSupported, "count() is not supported on parent namespaces")
        }
        try await Questions.admit(isLocal: options.flags.isLocal)
        return try await QueryOptions(timeout: timeout, partialResults: partialResults).ask {
            try await namespace.adapter.count(options)
        }
    }
}

extension BroadcastSource {
    /// Counts the sockets of all servers.
    public func count(
        timeout: Duration? = nil, partialResults: QueryOptions.PartialResults? = nil
    ) async throws -> Int {
        try await everyone.count(timeout: timeout, partialResults: partialResults)
    }
}

extension Namespace {
    /// How many sockets are in each room, wherever they are connected. Rooms that sockets have to themselves, those named
    /// by their ids, are left out.
    public func countByRoom(
        timeout: Duration? = nil, partialResults: QueryOptions.PartialResults? = nil
    ) async throws -> NameDictionary<Int> {
        try await Questions.admit()
        return try await QueryOptions(timeout: timeout, partialResults: partialResults).ask {
            try await adapter.countByRoom()
        }
    }

    /// The names of the rooms that are not empty, wherever their sockets are connected, without those named by sockets'
    /// ids. ``Adapter/allRooms()`` has them all.
    public func rooms(
        timeout: Duration? = nil, partialResults: QueryOptions.PartialResults? = nil
    ) async throws -> NameSet {
        try await countByRoom(timeout: timeout, partialResults: partialResults).keys
    }
}

extension Server {
    /// How many sockets of `/` are in each room, see ``Namespace/countByRoom(timeout:partialResults:)``.
    public func countByRoom(
        timeout: Duration? = nil, partialResults: QueryOptions.PartialResults? = nil
    ) async throws -> NameDictionary<Int> {
        try await sockets.countByRoom(timeout: timeout, partialResults: partialResults)
    }

    /// The names of the rooms of `/` that are not empty, see ``Namespace/rooms(timeout:partialResults:)``.
    public func rooms(
        timeout: Duration? = nil, partialResults: QueryOptions.PartialResults? = nil
    ) async throws -> NameSet {
        try await sockets.rooms(timeout: timeout, partialResults: partialResults)
    }
}
