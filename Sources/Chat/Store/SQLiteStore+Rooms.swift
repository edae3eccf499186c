// Part of socketio-server, MIT licence; see LICENSE.

internal import GRDB
internal import NIOConcurrencyHelpers

extension SQLiteStore {
    /// See ``HistoryStore/secret(_:)``.
    public func secret(_ candidate: String) async throws -> String {
        try await write { database in
            try database.execute(
                sql: "INSERT OR IGNORE INTO meta (key, value) VALUES ('secret', ?)", arguments: [candidate])
            return try String.fetchOne(database, sql: "SELECT value FROM meta WHERE key = 'secret'") ?? candidate
        }
    }

    /// See ``HistoryStore/create(_:)``.
    public func create(_ room: ChatRoom) async throws -> ChatRoom {
        let limits = limits
        return try await write { database in
            if let known = try Self.room(room.key, database) { return known }
            func count(_ condition: String, _ argument: String) throws -> Int {
                try Int.fetchOne(
                    database, sql: "SELECT COUNT(*) FROM room WHERE \(condition)", arguments: [argument]) ?? 0
            }
            guard try room.owner.isEmpty || count("owner = ?", room.owner) < limits.maxPlaces else {
                throw HistoryStoreError.tooManyBegun
            }
            let channels = try room.space.isEmpty ? 0 : count("space = ?", room.space)
            try self.makePlace(for: room, channels: channels, limits, database)
            try database.execute(
                sql: "INSERT INTO room (key, title, space, owner, created, unused) VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [room.key, room.title, room.space, room.owner, room.created, !room.isPermanent])
            if channels == 0, !room.space.isEmpty {
                try database.execute(
                    sql: "UPDATE room SET unused = 0 WHERE key = ?",
                    arguments: [RoomKey.community(room.space).text])
            }
            try Self.settle(room.owner, database)
            self.sums.withLockedValue { $0.rooms += 1 }
            return room
        }
    }

    private static func room(_ row: Row) -> ChatRoom {
        ChatRoom(
            key: row["key"], title: row["title"], space: row["space"], owner: row["owner"], created: row["created"])
    }

    private static func room(_ key: String, _ database: Database) throws -> ChatRoom? {
        try Row.fetchOne(database, sql: "SELECT * FROM room WHERE key = ?", arguments: [key]).map { room($0) }
    }

    /// See ``HistoryStore/room(_:)``.
    public func room(_ key: String) async throws -> ChatRoom? { try await read { try Self.room(key, $0) } }

    /// See ``HistoryStore/channels(of:)``.
    public func channels(of space: String) async throws -> [ChatRoom] {
        guard !space.isEmpty else { return [] }
        return try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM room WHERE space = ? ORDER BY title", arguments: [space])
                .map { Self.room($0) }
        }
    }

    /// See ``HistoryStore/join(_:room:)``.
    public func join(_ member: ChatMember, room: String) async throws {
        try await write { database in
            try database.execute(
                sql: """
                    INSERT OR IGNORE INTO member (room, person, role, muted, read, delivered)
                    SELECT key, ?, ?, ?, last, last FROM room WHERE key = ?
                    """,
                arguments: [member.person, member.role.rawValue, member.mutedUntil, room])
            if RoomKey(room)?.isConversation == true { try Self.settle(member.person, database) }
        }
    }

    /// See ``HistoryStore/leave(_:room:)``.
    public func leave(_ person: String, room: String) async throws {
        try await write { database in
            try database.execute(
                sql: "DELETE FROM member WHERE room = ? AND person = ?", arguments: [room, person])
        }
    }

    /// See ``HistoryStore/moderate(_:in:role:mutedUntil:)``.
    public func moderate(_ person: String, in room: String, role: ChatMember.Role, mutedUntil: Int64) async throws {
        try await write { database in
            try database.execute(
                sql: "UPDATE member SET role = ?, muted = ? WHERE room = ? AND person = ?",
                arguments: [role.rawValue, mutedUntil, room, person])
            try Self.settle(person, database)
        }
    }

    private static func member(_ row: Row) -> ChatMember {
        ChatMember(
            person: row["person"], role: ChatMember.Role(rawValue: row["role"]) ?? .member, mutedUntil: row["muted"],
            read: row["read"], delivered: row["delivered"])
    }

    static func member(_ person: String, _ room: String, _ database: Database) throws -> ChatMember? {
        try Row.fetchOne(
            database, sql: "SELECT * FROM member WHERE room = ? AND person = ?", arguments: [room, person]
        ).map { member($0) }
    }

    /// See ``HistoryStore/member(_:of:)``.
    public func member(_ person: String, of room: String) async throws -> ChatMember? {
        try await read { try Self.member(person, room, $0) }
    }

    /// See ``HistoryStore/members(of:)``.
    public func members(of room: String) async throws -> [ChatMember] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM member WHERE room = ? LIMIT 1000", arguments: [room])
                .map { Self.member($0) }
        }
    }

    /// See ``HistoryStore/places(of:in:)``.
    public func places(of person: String, in space: String) async throws -> [ChatPlace] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT room.*, member.read AS read, member.role AS role, message.text AS text,
                        message.json AS json
                    FROM member JOIN room ON room.key = member.room
                    LEFT JOIN message ON message.room = room.key AND message.seq = room.last
                    WHERE member.person = ? AND member.role != 'banned' AND room.space = ?
                    """,
                arguments: [person, space]
            ).map { row in
                ChatPlace(
                    room: Self.room(row), last: row["last"], read: row["read"],
                    message: try Self.message(row), people: nil, role: ChatMember.Role(rawValue: row["role"]) ?? .member
                )
            }
        }
    }

    /// See ``HistoryStore/placeCounts(of:)``.
    public func placeCounts(of person: String) async throws -> (communities: Int, conversations: Int) {
        try await read { database in
            let row = try Row.fetchOne(
                database,
                sql: """
                    SELECT COUNT(*) FILTER (WHERE room LIKE 's:%') AS communities,
                        COUNT(*) FILTER (WHERE room LIKE 'd:%' OR room LIKE 'g:%') AS conversations
                    FROM member WHERE person = ? AND role != 'banned'
                    """,
                arguments: [person])
            return (row?["communities"] ?? 0, row?["conversations"] ?? 0)
        }
    }
}
