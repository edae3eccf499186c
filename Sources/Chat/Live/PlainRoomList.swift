// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// The rooms of plain clients, counted for all who ask within two seconds: counting looks at every socket.
actor PlainRoomList {
    /// Rooms in the list, those with the most people.
    private static let maximum = 1_000
    private static let age = Duration.seconds(2)

    private var list: (rooms: [PlainRoom], end: ContinuousClock.Instant)?
    private var counting: Task<[PlainRoom], any Error>?

    /// The list by name, counted anew when it is too old.
    func rooms(_ count: @escaping @Sendable () async throws -> [PlainRoom]) async throws -> [PlainRoom] {
        if let list, .now < list.end { return list.rooms }
        if let counting { return try await counting.value }
        let task = Task { try await Self.sorted(count()) }
        counting = task
        defer { counting = nil }
        let rooms = try await task.value
        list = (rooms, .now + Self.age)
        return rooms
    }

    private static func sorted(_ rooms: [PlainRoom]) -> [PlainRoom] {
        var rooms = rooms
        if rooms.count > maximum { rooms = Array(rooms.sorted { $0.people > $1.people }.prefix(maximum)) }
        return rooms.sorted { $0.name.precedesByBytes($1.name) }
    }
}
