// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import GRDB
internal import NIOConcurrencyHelpers
internal import SocketIOServer

extension SQLiteStore {
    /// See ``HistoryStore/append(_:)``.
    public func append(_ message: ChatMessage) async throws -> ChatMessage {
        try await write(bytes: message.size) { database in
            let known = try Row.fetchOne(
                database, sql: "SELECT text, json FROM message WHERE room = ? AND person = ? AND id = ?",
                arguments: [message.room, message.from, message.id])
            if let known = try known.flatMap({ try Self.message($0) }) { return known }
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
                    message.room, message.seq, message.from, message.id, message.rev, message.time, size,
                    Self.text(message), try StoredJSON.textless(message),
                ])
            try database.execute(
                sql: "UPDATE room SET last = last + 1, bytes = bytes + ?, unused = 0 WHERE key = ?",
                arguments: [size, message.room])
            try database.execute(
                sql: "UPDATE member SET read = ?1, delivered = ?1 WHERE room = ?2 AND person = ?3",
                arguments: [message.seq, message.room, message.from])
            try Self.settle(message.from, database)
            self.sums.withLockedValue { $0.messages += size }
            try self.trim(message.room, at: 64, database)
            try self.trimAll(at: 64, keepingNewestOf: message.room, database)
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
                    message.rev, message.size, Self.text(message), try StoredJSON.textless(message), message.room,
                    message.seq,
                ])
            try database.execute(
                sql: "UPDATE room SET bytes = bytes + ? WHERE key = ?", arguments: [message.size - old, message.room])
            self.sums.withLockedValue { $0.messages += message.size - old }
            return true
        }
    }

    private func messages(_ condition: String, _ arguments: StatementArguments) async throws -> [ChatMessage] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT text, json FROM message WHERE \(condition)", arguments: arguments)
                .compactMap { try Self.message($0) }
        }
    }

    /// The message of a row with `text` and `json`; nil where there is none.
    static func message(_ row: Row) throws -> ChatMessage? {
        guard let json = row["json"] as String? else { return nil }
        return try StoredJSON.message(json.utf8, text: row["text"] as Data? ?? Data())
    }

    /// What is stored as `text`: bytes, because a string would end at its first NUL. No bytes would be stored as NULL.
    private static func text(_ message: ChatMessage) -> DatabaseValue {
        message.text.isEmpty ? "".databaseValue : Data(message.text.utf8).databaseValue
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

    /// See ``HistoryStore/search(_:in:limit:)``.
    public func search(_ text: String, in room: String, limit: Int) async throws -> [ChatMessage] {
        let pattern = SearchPattern(text)
        return try await search(limit: limit) { before, count in
            try await read { database in
                let rows = try Row.fetchCursor(
                    database,
                    sql: "SELECT text, json, seq FROM message WHERE room = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
                    arguments: [room, before ?? Int64.max, count])
                var found: [ChatMessage] = []
                var first: Int64?
                while found.count < limit, let row = try rows.next() {
                    first = row["seq"]
                    let matches = try row.withUnsafeData(atIndex: 0) { $0?.withUnsafeBytes(pattern.matches) ?? false }
                    if matches, let message = try Self.message(row) { found.append(message) }
                }
                return (found, first)
            }
        }
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

    /// Removes messages until all rooms together are within the limit, at most `count`, each from the room with the most
    /// bytes. The last message of `kept` goes only when there is no other.
    private func trimAll(at count: Int, keepingNewestOf kept: String = "", _ database: Database) throws {
        let limit = limits.historyBytes
        for _ in 0..<count where sums.withLockedValue({ $0.messages }) > limit {
            let rows = try Row.fetchAll(
                database, sql: "SELECT key, first, last FROM room WHERE bytes > 0 ORDER BY bytes DESC LIMIT 2")
            let next = rows.first { row in
                row["first"] as Int64 != row["last"] as Int64 || !(row["key"] as String).hasSameBytes(as: kept)
            }
            guard let row = next ?? rows.first else { return }
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
            let row = try Row.fetchOne(database, sql: "SELECT TOTAL(bytes) AS bytes, COUNT(*) AS rooms FROM room")
            self.sums.withLockedValue {
                $0.messages = row?["bytes"] ?? 0
                $0.rooms = row?["rooms"] ?? 0
            }
            try self.trimFiles(except: "", database)
        }
        try await write { database in try self.trimAll(at: 10_000, database) }
        let forgottenBefore = now - limits.nameHoldMilliseconds
        while try await write({ try self.removeUnusedRooms(createdBefore: forgottenBefore, atMost: 100, $0) }) == 100 {}
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
