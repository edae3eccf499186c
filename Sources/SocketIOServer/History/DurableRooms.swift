// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOCore

/// Lets rooms have a history: ``BroadcastOperator/durable`` keeps an event in it, and ``Socket/replay(_:since:)`` sends a client
/// what it has missed. See ``ServerConfiguration/durableRooms``.
///
/// Every event of a history has one more argument at the end, the ``RoomPosition`` as a string. Clients keep the newest one and
/// send it back as the application likes, for example in `auth`; any client of any version can.
///
/// With a single server, histories are kept in its memory. With `RedisCluster`, they are streams in Redis and all servers have
/// the same history with the same positions; a restart loses nothing that Redis keeps. Other adapters for several servers have
/// no durable rooms.
public struct DurableRooms: Sendable {
    /// What the history of a room keeps, unless ``limitsOfRoom`` says something else.
    public var limits = RoomHistoryLimits()
    /// Which rooms may have a history, and with which limits; nil for a room that may not. Called for each event and each
    /// replay, on any thread; it must be fast, and give the same answer on all servers. The default allows every room with
    /// ``limits``.
    public var limitsOfRoom: (@Sendable (_ namespace: String, _ room: String) -> RoomHistoryLimits?)?
    /// How many rooms have a history in this server's memory; above that the history that was not written to for the longest
    /// time is forgotten. Histories in Redis do not count. 1 to 10,000,000; default 10,000.
    public var maxRooms = 10_000
    /// How many bytes of memory the histories of all rooms need together; above that the room that was not written to for the
    /// longest time loses its oldest events. Histories in Redis do not count. At least 1,024; default 256 MiB.
    public var maxTotalBytes = 256 * 1024 * 1024
    /// The most events that one replay may send; a replay of more fails before it sends anything. 1 to 1,000,000; default
    /// 10,000.
    public var maxReplayEvents = 10_000
    /// How many replays and reads run at the same time on this server; others wait. A replay that waits for a slow client
    /// does not count. 1 to 10,000; default 64.
    public var maxReplays = 64
    /// How many replays and reads may wait; further ones fail with ``SocketError/Code/overloaded``. The same number of replays may
    /// wait for slow clients; further ones count as running. At least 0; default 10,000.
    public var maxWaitingReplays = 10_000

    /// All defaults.
    public init() {}

    func check(_ problems: inout [String]) {
        func require(_ condition: Bool, _ problem: String) {
            if !condition { problems.append("durableRooms.\(problem)") }
        }
        problems += limits.problems.map { "durableRooms.limits.\($0)" }
        require((1...10_000_000).contains(maxRooms), "maxRooms must be 1 to 10,000,000")
        require(maxTotalBytes >= 1_024, "maxTotalBytes must be at least 1,024")
        require((1...1_000_000).contains(maxReplayEvents), "maxReplayEvents must be 1 to 1,000,000")
        require((1...10_000).contains(maxReplays), "maxReplays must be 1 to 10,000")
        require(maxWaitingReplays >= 0, "maxWaitingReplays must not be negative")
    }

    /// The limits of a room.
    ///
    /// - Throws: ``SocketError`` with code `notSupported` for a room without a history.
    func limits(of room: String, in namespace: String) throws -> RoomHistoryLimits {
        guard let limitsOfRoom else { return limits }
        guard let limits = limitsOfRoom(namespace, room) else {
            throw SocketError(.notSupported, "the configuration gives this room no history")
        }
        let problems = limits.problems
        guard problems.isEmpty else {
            throw SocketError(.invalidConfiguration, "limits of a room: " + problems.joined(separator: "; "))
        }
        return limits
    }
}
