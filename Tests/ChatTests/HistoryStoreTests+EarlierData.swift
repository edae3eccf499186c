// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import GRDB
import HiredisNIO
import Testing

@testable import Chat

/// Data that earlier releases have written, and large stores.
extension HistoryStoreTests {
    @Test("a file of earlier releases is taken over: whole messages, unused rooms, bans")
    func earlierFile() async throws {
        let folder = "/tmp/sio-chat-\(UInt32.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let queue = try DatabaseQueue(path: folder + "/chat.sqlite")
        try SQLiteStore.migrate(queue, upTo: "3")
        let day: Int64 = 86_400_000
        let old = ChatMessage(room: "g:used", seq: 1, id: "m", from: "ada", name: "Ada", text: "hello", time: 5)
        let json = try StoredJSON.text(old)
        try await queue.write { database in
            for (key, space, owner, last) in [
                ("s:lobby", "", "", 0), ("c:lobby:x", "lobby", "", 0), ("s:tea", "", "ada", 0),
                ("c:tea:x", "tea", "", 0),
                ("s:bare", "", "ada", 0), ("g:used", "", "ada", 1), ("g:unused", "", "ada", 0),
            ] {
                try database.execute(
                    sql: """
                        INSERT INTO room (key, title, space, owner, created, last, bytes, active)
                        VALUES (?, '', ?, ?, 1, ?, ?, 1)
                        """, arguments: [key, space, owner, last, last * old.size])
                try database.execute(
                    sql: "INSERT INTO member VALUES (?, 'eve', ?, 0, 0, 0)",
                    arguments: [key, key.hasSuffix("tea") ? "banned" : "member"])
            }
            try database.execute(
                sql: "INSERT INTO message VALUES ('g:used', 1, 'ada', 'm', 0, 5, ?, 'hello', ?)",
                arguments: [old.size, json])
        }
        try queue.close()
        let store = try SQLiteStore(path: folder + "/chat.sqlite")
        #expect(try await store.message(1, in: "g:used") == old)
        #expect(try await store.search("HELL", in: "g:used", limit: 1) == [old])
        #expect(
            keysOf(try await store.places(of: "eve", in: "")) == ["g:unused", "g:used", "s:bare", "s:lobby"])
        try await store.trim(now: 9 * day)
        for key in ["s:lobby", "c:lobby:x", "g:used"] { #expect(try await store.room(key) != nil, "\(key)") }
        for key in ["s:tea", "c:tea:x", "s:bare", "g:unused"] { #expect(try await store.room(key) == nil, "\(key)") }
        // What is asked often reads only what it needs.
        try await store.read { database in
            for (sql, index) in [
                ("SELECT key FROM room WHERE bytes > 0 ORDER BY bytes DESC LIMIT 2", "room_bytes"),
                ("SELECT key FROM room WHERE unused = 1 AND created < 5 ORDER BY created LIMIT 1", "room_unused"),
                ("SELECT room FROM member WHERE member.person = 'a' AND member.role != 'banned'", "member_place"),
            ] {
                let plan = try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN " + sql).map { $0["detail"] as String }
                #expect(plan.count == 1 && plan[0].contains("INDEX \(index)"), "\(plan)")
            }
        }
        await store.close()
    }

    @Test(
        "what earlier releases wrote into Redis is taken over: whole messages, the order of rooms, unused rooms, bans")
    func earlierRedis() async throws {
        let size = message("m").size
        try await withStore(.redis) { store, _ in
            let redis = try #require(store as? RedisStore)
            let day: Int64 = 86_400_000
            for key in ["s:lobby", "s:tea", "g:unused", "g:few", "g:many"] {
                let owner = key.hasSuffix("lobby") ? "" : "ada"
                _ = try await store.create(ChatRoom(key: key, title: "", space: "", owner: owner, created: 1))
                try await store.join(ChatMember(person: "eve"), room: key)
            }
            for (key, count) in [("g:many", 6), ("g:few", 2)] {
                for number in 0..<count { _ = try await store.append(message("m\(number)", in: key)) }
            }
            let old = ChatMessage(room: "g:few", seq: 2, id: "m1", from: "ada", name: "ada", text: "{hello}", time: 5)
            try await store.moderate("eve", in: "s:tea", role: .banned, mutedUntil: 0)
            _ = try await redis.run(
                """
                call('DEL', p..'unused', p..'sizes')
                call('ZADD', p..'active', 1, 'g:few', 2, 'g:many')
                call('SADD', p..'rooms:eve', 's:tea')
                call('HSET', p..'log:g:few', 2, a[1])
                """, "0|\(old.size)|5|ada|m1|\(try StoredJSON.text(old))")
            #expect(try await store.message(2, in: "g:few") == old)
            #expect(try await store.search("{HELLO", in: "g:few", limit: 9) == [old])
            #expect(try await store.search("text", in: "g:few", limit: 9).isEmpty)
            #expect(keysOf(try await store.places(of: "eve", in: "")) == ["g:few", "g:many", "g:unused", "s:lobby"])
            var lower = store
            lower.limits.historyBytes = 5 * size
            try await store.trim(now: 9 * day)
            #expect(try await store.messages(in: "g:few", before: nil, limit: 9).count == 2)
            for key in ["s:lobby", "g:few", "g:many"] { #expect(try await store.room(key) != nil, "\(key)") }
            for key in ["s:tea", "g:unused"] { #expect(try await store.room(key) == nil, "\(key)") }
        }
    }

    @Test("50,000 stored conversations are opened in less than a second")
    func manyRooms() async throws {
        let folder = "/tmp/sio-chat-\(UInt32.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try SQLiteStore(path: folder + "/chat.sqlite")
        try await store.write { database in
            for number in 0..<50_000 {
                try database.execute(
                    sql:
                        "INSERT INTO room (key, title, space, owner, created, last, bytes) VALUES (?, '', '', 'ada', 1, 9, 900)",
                    arguments: ["d:a\(number):b"])
            }
        }
        await store.close()
        let clock = ContinuousClock()
        var opened: SQLiteStore?
        let cost = try clock.measure { opened = try SQLiteStore(path: folder + "/chat.sqlite") }
        #expect(cost < .seconds(1))
        #expect(try await opened?.last(in: "d:a49999:b") == 9)
        await opened?.close()
    }
}
