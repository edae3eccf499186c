// Part of socketio-server, MIT licence; see LICENSE.

import Testing

@testable import Chat

/// Rooms in which nothing was ever said: a full chat or community removes them, and so does time.
extension HistoryStoreTests {
    @Test("a full chat gives the place of a room in which nothing was ever said to the next", arguments: Kind.allCases)
    func fullOfUnusedRooms(kind: Kind) async throws {
        let hour: Int64 = 3_600_000
        let limits = limits {
            $0.historyRooms = 4
            $0.maxPlaces = 2
        }
        try await withStore(kind, limits) { store, again in
            for room in [group("a", at: 1), group("b", at: 2), group("c", owner: "bob", at: 3)] {
                _ = try await store.create(room)
                _ = try await store.claim(ChatPerson(id: room.owner, name: "", seen: 5), skeleton: "", heldSince: 0)
                for person in [room.owner, "eve"] { try await store.join(ChatMember(person: person), room: room.key) }
            }
            _ = try await store.create(room.with(owner: "cleo"))
            _ = try await store.append(message("m", in: "g:a"))
            let other = try await again()
            await #expect(throws: HistoryStoreError.full) {
                try await other.create(group("d", owner: "dan", at: hour + 1))
            }
            await #expect(throws: HistoryStoreError.tooManyBegun) {
                try await other.create(group("d", at: 9 * hour))
            }
            // A channel made at 1 goes first, then g:b; g:a is in use.
            #expect(try await other.create(group("d", owner: "dan", at: hour + 2)).owner == "dan")
            await #expect(throws: HistoryStoreError.full, "g:b is not more than an hour old") {
                try await other.create(group("e", owner: "dan", at: hour + 2))
            }
            #expect(try await store.room(room.key) == nil)
            #expect(try await store.channels(of: "lobby").isEmpty)
            _ = try await other.create(group("e", owner: "dan", at: hour + 3))
            #expect(try await store.room("g:b") == nil)
            for key in ["g:a", "g:c"] { #expect(try await store.room(key) != nil) }
            #expect(try await store.member("eve", of: "g:b") == nil)
            #expect(keysOf(try await store.places(of: "eve", in: "")) == ["g:a", "g:c"])
            #expect(try await store.placeCounts(of: "eve") == (0, 2))
            await #expect(throws: HistoryStoreError.refused) { try await store.append(message("m", in: "g:b")) }
            // The owner of a removed room may make another one, which has none of the old members.
            #expect(try await other.create(group("b", at: 2 * hour)).created == 2 * hour)
            #expect(try await store.room("g:c") == nil)
            #expect(try await store.members(of: "g:b").isEmpty)
            #expect(keysOf(try await store.places(of: "eve", in: "")) == ["g:a"])
            await #expect(throws: HistoryStoreError.tooManyBegun) { try await store.create(group("f", at: 9 * hour)) }
            // With the last room, people who never spoke are newcomers again.
            try await store.trim(now: 8 * 24 * hour)
            #expect(try await store.person("bob") == nil)
            #expect(try await store.person("ada") != nil)
            if kind != .memory { await other.close() }
        }
    }

    @Test(
        "a full community gives the place of a channel in which nothing was ever said to the next",
        arguments: Kind.allCases)
    func fullOfUnusedChannels(kind: Kind) async throws {
        let hour: Int64 = 3_600_000
        func channel(_ name: String, of space: String = "tea", at time: Int64) -> ChatRoom {
            ChatRoom(key: "c:\(space):\(name)", title: name, space: space, owner: "", created: time)
        }
        try await withStore(kind, limits { $0.maxChannels = 2 }) { store, _ in
            _ = try await store.create(ChatRoom(key: "s:tea", title: "", space: "", owner: "ada", created: 1))
            _ = try await store.create(channel("old", of: "other", at: 1))
            for (name, time) in [("b", 3), ("a", Int64(2))] { _ = try await store.create(channel(name, at: time)) }
            await #expect(throws: HistoryStoreError.tooManyChannels) {
                try await store.create(channel("c", at: hour + 2))
            }
            _ = try await store.create(channel("c", at: hour + 3))
            #expect(try await store.channels(of: "tea").map(\.title) == ["b", "c"])
            #expect(try await store.room("c:other:old") != nil)
            for name in ["b", "c"] { _ = try await store.append(message("m", in: "c:tea:\(name)")) }
            await #expect(throws: HistoryStoreError.tooManyChannels) {
                try await store.create(channel("d", at: 9 * hour))
            }
            // The only channel gives its place without taking the community with it.
            var lower = store
            lower.limits.maxChannels = 1
            _ = try await store.create(ChatRoom(key: "s:one", title: "", space: "", owner: "ada", created: 1))
            _ = try await store.create(channel("a", of: "one", at: 1))
            _ = try await store.create(channel("b", of: "one", at: 2 * hour))
            #expect(try await store.channels(of: "one").map(\.title) == ["b"])
            #expect(try await store.room("s:one") != nil)
        }
    }

    @Test(
        "rooms in which nothing was ever said go after a time, and communities with their last channel",
        arguments: Kind.allCases)
    func removesUnusedRooms(kind: Kind) async throws {
        let day: Int64 = 86_400_000
        func room(_ key: String, in space: String = "", owner: String = "") -> ChatRoom {
            ChatRoom(key: key, title: key, space: space, owner: owner, created: day)
        }
        try await withStore(kind, limits { $0.maxPlaces = 9 }) { store, _ in
            for community in ["lobby", "tea", "mix", "bare"] {
                _ = try await store.create(room("s:\(community)", owner: community == "lobby" ? "" : "ada"))
                try await store.join(ChatMember(person: "eve"), room: "s:\(community)")
            }
            try await store.moderate("eve", in: "s:tea", role: .banned, mutedUntil: 0)
            for (community, owner) in [("lobby", ""), ("tea", ""), ("mix", ""), ("lobby", "ada"), ("mix", "ada")] {
                let key = "c:\(community):\(owner)x"
                _ = try await store.create(room(key, in: community, owner: owner))
                try await store.join(ChatMember(person: "eve"), room: key)
            }
            _ = try await store.append(message("m", in: "c:mix:x"))
            _ = try await store.create(room("d:ada:eve", owner: "ada"))
            try await store.trim(now: 8 * day)
            #expect(try await store.channels(of: "lobby").count == 2, "seven days are not over")
            try await store.trim(now: 8 * day + 1)
            for key in ["s:lobby", "c:lobby:x", "s:mix", "c:mix:x"] {
                #expect(try await store.room(key)?.key == key)
                #expect(try await store.member("eve", of: key) != nil, "\(key)")
            }
            for key in ["c:lobby:adax", "s:tea", "c:tea:x", "c:mix:adax", "s:bare", "d:ada:eve"] {
                #expect(try await store.room(key) == nil, "\(key)")
                #expect(try await store.member("eve", of: key) == nil, "\(key)")
            }
            #expect(keysOf(try await store.places(of: "eve", in: "")) == ["s:lobby", "s:mix"])
            #expect(keysOf(try await store.places(of: "eve", in: "lobby")) == ["c:lobby:x"])
            // What was begun counts no more: one of nine is left.
            for number in 1...8 { _ = try await store.create(room("g:\(number)", owner: "ada")) }
            await #expect(throws: HistoryStoreError.tooManyBegun) { try await store.create(room("g:9", owner: "ada")) }
        }
    }

    @Test("a removed room takes its many members with it", arguments: Kind.allCases)
    func manyFormerMembers(kind: Kind) async throws {
        let day: Int64 = 86_400_000
        try await withStore(kind) { store, _ in
            _ = try await store.create(group("a", owner: "", at: day))
            for number in 0..<1_300 { try await store.join(ChatMember(person: "p\(number)"), room: "g:a") }
            _ = try await store.claim(ChatPerson(id: "p7", name: "", seen: day), skeleton: "", heldSince: 0)
            try await store.trim(now: 9 * day)
            // It is there again, with one of them.
            _ = try await store.create(group("a", owner: "", at: 9 * day))
            try await store.join(ChatMember(person: "p8"), room: "g:a")
            #expect(try await store.members(of: "g:a").map(\.person) == ["p8"])
            for number in 0..<1_300 {
                #expect(try await store.placeCounts(of: "p\(number)").conversations == (number == 8 ? 1 : 0))
            }
            try await store.left("p7", at: 9 * day)
            #expect(try await store.person("p7") == nil)
        }
    }
}
