// Part of socketio-server, MIT licence; see LICENSE.

internal import GRDB
internal import NIOConcurrencyHelpers

extension SQLiteStore {
    /// See ``HistoryStore/append(_:)``.
    public func append(_ message: ChatMessage) async throws -> ChatMessage {
        try await write(bytes: message.size) { database in
            let known = try String.fetchOne(
                database, sql: "SELECT json FROM message WHERE room = ? AND person = ? AND id = ?",
                arguments: [message.room, message.from, message.id])
            if let known { return try StoredJSON.value(ChatMessage.self, known) }
            let last = try Int64.fetchOne(
                database, sql: "SELECT last FROM room WHERE key = ?", arguments: [message.room])
            guard let last else { throw HistoryStoreError.refused }
            var message = message
            message.seq = last + 1
            let size = message.size
            try database.execute(
                sql: """
                    INSERT INTO message (room, seq, person, id, rev, time, size, text, json)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    message.room, message.seq, message.from, message.id, message.rev, message.time, size, message.text,
                    try StoredJSON.text(message),
                ])
            // `active` is a clock that counts with all rooms.
            try database.execute(
                sql: """
                    UPDATE room SET last = last + 1, bytes = bytes + ?,
                        active = (SELECT COALESCE(MAX(active), 0) + 1 FROM room WHERE bytes > 0)
                    WHERE key = ?
                    """,
                arguments: [size, message.room])
            try database.execute(
                sql: "UPDATE member SET read = ?1, delivered = ?1 WHERE room = ?2 AND person = ?3",
                arguments: [message.seq, message.room, message.from])
            try Self.settle(message.from, database)
            self.sums.withLockedValue { $0.messages += size }
            try self.trim(message.room, at: 64, database)
            try self.trimAll(at: 64, database)
            return message
        }
    }

    /// See ``HistoryStore/message(_:in:)``.
    public func message(_ seq: Int64, in room: String) async throws -> ChatMessage? {
        try await messages("room = ? AND seq = ?", [room, seq]).first
    }

    /// See ``HistoryStore/replace(_:)``.
    public func replace(_ message: ChatMessage) async throws -> Bool {
        try await write(bytes: message.size) { database in
            let old = try Int.fetchOne(
                database, sql: "SELECT size FROM message WHERE room = ? AND seq = ? AND rev = ?",
                arguments: [message.room, message.seq, message.rev - 1])
            guard let old else { return false }
            try database.execute(
                sql: "UPDATE message SET rev = ?, size = ?, text = ?, json = ? WHERE room = ? AND seq = ?",
                arguments: [
                    message.rev, message.size, message.text, try StoredJSON.text(message), message.room, message.seq,
                ])
            try database.execute(
                sql: "UPDATE room SET bytes = bytes + ? WHERE key = ?", arguments: [message.size - old, message.room])
            self.sums.withLockedValue { $0.messages += message.size - old }
            return true
        }
    }

    private func messages(_ condition: String, _ arguments: StatementArguments) async throws -> [ChatMessage] {
        try await read { database in
            try String.fetchAll(database, sql: "SELECT json FROM message WHERE \(condition)", arguments: arguments)
                .map { try StoredJSON.value(ChatMessage.self, $0) }
        }
    }

    /// See ``HistoryStore/messages(in:before:limit:)``.
    public func messages(in room: String, before: Int64?, limit: Int) async throws -> [ChatMessage] {
        try await messages(
            "room = ? AND seq < ? ORDER BY seq DESC LIMIT ?", [room, before ?? Int64.max, limit]
        ).reversed()
    }

    /// See ``HistoryStore/messages(in:after:limit:)``.
    public func messages(in room: String, after: Int64, limit: Int) async throws -> [ChatMessage] {
        try await messages("room = ? AND seq > ? ORDER BY seq LIMIT ?", [room, after, limit])
    }

    /// See ``HistoryStore/last(in:)``.
    public func last(in room: String) async throws -> Int64 {
        try await read { database in
            try Int64.fetchOne(database, sql: "SELECT last FROM room WHERE key = ?", arguments: [room]) ?? 0
        }
    }

    /// See ``HistoryStore/mark(_:in:read:delivered:)``.
    public func mark(_ person: String, in room: String, read: Int64, delivered: Int64) async throws -> ChatMember? {
        try await write { database in
            try database.execute(
                sql: """
                    UPDATE member SET
                        read = MAX(read, MIN(?1, (SELECT last FROM room WHERE key = ?3))),
                        delivered = MAX(delivered, MIN(MAX(?1, ?2), (SELECT last FROM room WHERE key = ?3)))
                    WHERE room = ?3 AND person = ?4
                    """,
                arguments: [read, delivered, room, person])
            return try Self.member(person, room, database)
        }
    }

    // MARK: Limits

    /// Removes the oldest messages of a room until it is within its limits, at most `count`.
    private func trim(_ room: String, at count: Int, _ database: Database) throws {
        let limits = limits
        for _ in 0..<count {
            let row = try Row.fetchOne(
                database, sql: "SELECT first, last, bytes FROM room WHERE key = ?", arguments: [room])
            guard let row else { return }
            let (first, last, bytes): (Int64, Int64, Int) = (row["first"], row["last"], row["bytes"])
            guard last - first + 1 > Int64(limits.historyMessages) || bytes > limits.historyRoomBytes, first <= last
            else { return }
            try removeFirst(first, of: room, database)
        }
    }

    /// Removes messages until all rooms together are within the limit, at most `count`, starting with the room without a
    /// message for the longest time.
    private func trimAll(at count: Int, _ database: Database) throws {
        let limit = limits.historyBytes
        for _ in 0..<count where sums.withLockedValue({ $0.messages }) > limit {
            let row = try Row.fetchOne(
                database, sql: "SELECT key, first FROM room WHERE bytes > 0 ORDER BY active LIMIT 1")
            guard let row else { return }
            try removeFirst(row["first"], of: row["key"], database)
        }
    }

    private func removeFirst(_ first: Int64, of room: String, _ database: Database) throws {
        let size =
            try Int.fetchOne(
                database, sql: "SELECT size FROM message WHERE room = ? AND seq = ?", arguments: [room, first]) ?? 0
        try database.execute(sql: "DELETE FROM message WHERE room = ? AND seq = ?", arguments: [room, first])
        try database.execute(
            sql: "UPDATE room SET first = first + 1, bytes = bytes - ? WHERE key = ?", arguments: [size, room])
        sums.withLockedValue { $0.messages -= size }
    }

    /// See ``HistoryStore/trim(now:)``.
    public func trim(now: Int64) async throws {
        let limits = limits
        let oldest = limits.historyDays == 0 ? Int64.min : now - Int64(limits.historyDays) * 86_400_000
        // In parts, so that messages are written between them.
        while try await trimSome(olderThan: oldest) {}
        try await write { database in
            let total = try Int.fetchOne(database, sql: "SELECT TOTAL(bytes) FROM room") ?? 0
            self.sums.withLockedValue { $0.messages = total }
            try self.trimFiles(except: "", database)
        }
        try await write { database in try self.trimAll(at: 10_000, database) }
        let forgottenBefore = now - limits.nameHoldMilliseconds
        while try await write({ try self.forgetNewcomers(seenBefore: forgottenBefore, atMost: 100, $0) }) == 100 {}
    }

    private func trimSome(olderThan oldest: Int64) async throws -> Bool {
        let limits = limits
        return try await write { database in
            let old = try Row.fetchAll(
                database,
                sql: """
                    SELECT message.room AS room, room.first AS first FROM message JOIN room ON room.key = message.room
                    WHERE message.time < ? ORDER BY message.time, message.seq LIMIT 500
                    """,
                arguments: [oldest])
            for row in old {
                let first = try Int64.fetchOne(
                    database, sql: "SELECT first FROM room WHERE key = ?", arguments: [row["room"] as String])
                if let first { try self.removeFirst(first, of: row["room"], database) }
            }
            let full = try String.fetchAll(
                database,
                sql: "SELECT key FROM room WHERE bytes > ? OR (bytes > 0 AND last - first + 1 > ?) LIMIT 10",
                arguments: [limits.historyRoomBytes, limits.historyMessages])
            for room in full { try self.trim(room, at: 500, database) }
            return !old.isEmpty || !full.isEmpty
        }
    }
}
