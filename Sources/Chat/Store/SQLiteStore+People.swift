// Part of socketio-server, MIT licence; see LICENSE.

internal import GRDB
internal import NIOConcurrencyHelpers

extension SQLiteStore {
    /// See ``HistoryStore/person(_:)``.
    public func person(_ id: String) async throws -> ChatPerson? {
        try await read { database in
            try Row.fetchOne(database, sql: "SELECT name, seen FROM person WHERE id = ?", arguments: [id]).map {
                ChatPerson(id: id, name: $0["name"], seen: $0["seen"])
            }
        }
    }

    /// See ``HistoryStore/claim(_:skeleton:heldSince:)``.
    public func claim(_ person: ChatPerson, skeleton: String, heldSince: Int64) async throws -> Bool {
        let limit = limits.maxPeople
        return try await write { database in
            if !skeleton.isEmpty {
                let isTaken = try Bool.fetchOne(
                    database, sql: "SELECT EXISTS (SELECT 1 FROM person WHERE skeleton = ? AND id != ? AND seen >= ?)",
                    arguments: [skeleton, person.id, heldSince])
                if isTaken == true { return false }
                try database.execute(
                    sql: "UPDATE person SET skeleton = '' WHERE skeleton = ? AND id != ?",
                    arguments: [skeleton, person.id])
            }
            let isKnown = try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM person WHERE id = ?)", arguments: [person.id])
            if isKnown != true {
                if self.peopleCount >= limit {
                    _ = try self.forgetNewcomers(
                        seenBefore: person.seen - ChatLimits.newcomerMinimumAbsence, atMost: 1, database)
                }
                guard self.peopleCount < limit else { throw HistoryStoreError.full }
                self.sums.withLockedValue { $0.people += 1 }
            }
            try database.execute(
                sql: """
                    INSERT INTO person (id, name, skeleton, seen, newcomer) VALUES (?, ?, ?, ?, 1)
                    ON CONFLICT (id) DO UPDATE SET name = excluded.name, skeleton = excluded.skeleton, seen = excluded.seen
                    """,
                arguments: [person.id, person.name, skeleton, person.seen])
            return true
        }
    }

    private var peopleCount: Int { sums.withLockedValue { $0.people } }

    /// See ``HistoryStore/seen(_:at:)``.
    public func seen(_ people: [String], at time: Int64) async throws {
        try await write { database in
            for person in people {
                try database.execute(sql: "UPDATE person SET seen = ? WHERE id = ?", arguments: [time, person])
            }
        }
    }

    /// See ``HistoryStore/left(_:at:)``.
    public func left(_ person: String, at time: Int64) async throws {
        try await write { database in
            try database.execute(
                sql: """
                    DELETE FROM person WHERE id = ?1
                    AND NOT EXISTS (SELECT 1 FROM member WHERE member.person = ?1 AND role != 'banned')
                    """, arguments: [person])
            let forgotten = database.changesCount
            self.sums.withLockedValue { $0.people -= forgotten }
            if forgotten == 0 {
                try database.execute(sql: "UPDATE person SET seen = ? WHERE id = ?", arguments: [time, person])
            }
        }
    }

    /// Notes that a person is not a newcomer any more.
    static func settle(_ person: String, _ database: Database) throws {
        try database.execute(
            sql: "UPDATE person SET newcomer = 0 WHERE id = ? AND newcomer = 1", arguments: [person])
    }

    /// Forgets newcomers who were last seen before a time, those seen longest ago first. Returns how many it has forgotten.
    func forgetNewcomers(seenBefore limit: Int64, atMost count: Int, _ database: Database) throws -> Int {
        let people = try String.fetchAll(
            database, sql: "SELECT id FROM person WHERE newcomer = 1 AND seen < ? ORDER BY seen LIMIT ?",
            arguments: [limit, count])
        for person in people {
            try database.execute(
                sql: "DELETE FROM member WHERE person = ? AND role != 'banned'", arguments: [person])
            try database.execute(sql: "DELETE FROM person WHERE id = ?", arguments: [person])
        }
        sums.withLockedValue { $0.people -= people.count }
        return people.count
    }
}
