// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import Testing

@testable import Chat

/// Rooms, their members and bans, and the limits of rooms.
extension HistoryStoreTests {
    @Test("members, rooms and communities", arguments: Kind.allCases)
    func rooms(kind: Kind) async throws {
        try await withStore(kind, limits { $0.historyRooms = 3 }) { store, _ in
            #expect(try await store.create(room) == room)
            var second = room
            second.title = "other"
            #expect(try await store.create(second) == room, "the first stays")
            let community = ChatRoom(key: "s:lobby", title: "Lobby", space: "", owner: "", created: 1)
            let talk = ChatRoom(key: "d:ada:bob", title: "", space: "", owner: "ada", created: 1)
            _ = try await store.create(community)
            _ = try await store.create(talk)
            await #expect(throws: HistoryStoreError.full) {
                try await store.create(ChatRoom(key: "g:x", title: "x", space: "", owner: "ada", created: 1))
            }
            #expect(try await store.room("g:x") == nil)
            #expect(try await store.channels(of: "lobby") == [room])
            for key in [community.key, talk.key, room.key] {
                try await store.join(ChatMember(person: "ada", role: .owner), room: key)
                try await store.join(ChatMember(person: "ada"), room: key)
            }
            #expect(try await store.member("ada", of: room.key)?.role == .owner, "joining again changes nothing")
            #expect(keysOf(try await store.places(of: "ada", in: "")) == ["d:ada:bob", "s:lobby"])
            #expect(keysOf(try await store.places(of: "ada", in: "lobby")) == ["c:lobby:a"])
            try await store.moderate("ada", in: room.key, role: .banned, mutedUntil: 7)
            let member = try #require(try await store.member("ada", of: room.key))
            #expect(member.role == .banned && member.mutedUntil == 7)
            #expect(try await store.members(of: room.key) == [member])
            try await store.leave("ada", room: room.key)
            #expect(try await store.member("ada", of: room.key) == nil)
            #expect(try await store.places(of: "ada", in: "lobby").isEmpty)
        }
    }

    @Test(
        "rooms of a person, and channels of a community, are limited, also when many are made at once",
        arguments: Kind.allCases)
    func begunRooms(kind: Kind) async throws {
        let limits = limits {
            $0.maxPlaces = 3
            $0.maxChannels = 4
        }
        try await withStore(kind, limits) { store, _ in
            func made(_ count: Int, _ make: @escaping @Sendable (Int) -> ChatRoom) async -> [HistoryStoreError?] {
                await withTaskGroup(of: HistoryStoreError?.self) { group in
                    for number in 0..<count {
                        group.addTask {
                            do {
                                _ = try await store.create(make(number))
                                return nil
                            } catch {
                                return error as? HistoryStoreError ?? .away("\(error)")
                            }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
            }
            let groups = await made(9) { ChatRoom(key: "g:\($0)", title: "", space: "", owner: "ada", created: 1) }
            #expect(groups.count { $0 == nil } == 3 && groups.count { $0 == .tooManyBegun } == 6)
            let channels = await made(9) {
                ChatRoom(key: "c:tea:\($0)", title: "", space: "tea", owner: "p\($0)", created: 1)
            }
            #expect(channels.count { $0 == nil } == 4 && channels.count { $0 == .tooManyChannels } == 5)
            // Rooms without an owner are nobody's.
            _ = try await store.create(ChatRoom(key: "s:x", title: "x", space: "", owner: "", created: 1))
            // One that is there is returned, whatever the limits.
            var known = 0
            for number in 0..<9 where try await store.room("g:\(number)") != nil {
                let room = ChatRoom(key: "g:\(number)", title: "", space: "", owner: "ada", created: 1)
                #expect(try await store.create(room) == room)
                try await store.join(ChatMember(person: "bob"), room: room.key)
                known += 1
            }
            #expect(known == 3)
            try await store.join(ChatMember(person: "bob"), room: "s:x")
            #expect(try await store.placeCounts(of: "bob") == (1, 3))
            try await store.moderate("bob", in: "s:x", role: .banned, mutedUntil: 0)
            #expect(try await store.placeCounts(of: "bob") == (0, 3))
            #expect(try await store.placeCounts(of: "nobody") == (0, 0))
        }
    }

    @Test("bans stay with the room and cost the banned nothing", arguments: Kind.allCases)
    func bans(kind: Kind) async throws {
        let day: Int64 = 86_400_000
        try await withStore(kind) { store, again in
            let eve = ChatPerson(id: "eve", name: "Eve", seen: day)
            #expect(try await store.claim(eve, skeleton: "eve", heldSince: 0))
            let communities = (0..<3).map { "s:\($0)" }
            for key in communities {
                _ = try await store.create(ChatRoom(key: key, title: "", space: "", owner: "", created: day))
                try await store.join(ChatMember(person: "eve"), room: key)
            }
            for key in communities.dropFirst() {
                try await store.moderate("eve", in: key, role: .banned, mutedUntil: 0)
            }
            #expect(keysOf(try await store.places(of: "eve", in: "")) == ["s:0"])
            #expect(try await store.placeCounts(of: "eve") == (1, 0))
            if let redis = store as? RedisStore {
                let stored = try await redis.run("return call('SMEMBERS', p..'rooms:eve')").arrayValue
                #expect(stored?.compactMap(\.stringValue) == ["s:0"])
            }
            // Joining changes nothing.
            try await store.join(ChatMember(person: "eve", role: .owner), room: "s:1")
            #expect(try await store.member("eve", of: "s:1")?.role == .banned)
            #expect(keysOf(try await store.places(of: "eve", in: "")) == ["s:0"])
            // Another role brings the place back, a pardon does not.
            try await store.moderate("eve", in: "s:1", role: .member, mutedUntil: 0)
            #expect(keysOf(try await store.places(of: "eve", in: "")) == ["s:0", "s:1"])
            try await store.leave("eve", room: "s:2")
            #expect(try await store.member("eve", of: "s:2") == nil)
            try await store.join(ChatMember(person: "eve"), room: "s:2")
            #expect(keysOf(try await store.places(of: "eve", in: "")) == communities)
            // Moderating a stranger makes no member.
            try await store.moderate("bob", in: "s:0", role: .banned, mutedUntil: 0)
            #expect(try await store.member("bob", of: "s:0") == nil)
            // Whoever has nothing but bans is forgotten, and stays banned.
            for key in communities { try await store.moderate("eve", in: key, role: .banned, mutedUntil: 0) }
            try await store.left("eve", at: day)
            let other = try await again()
            #expect(try await other.person("eve") == nil)
            for key in communities { #expect(try await other.member("eve", of: key)?.role == .banned) }
            #expect(try await other.claim(eve, skeleton: "eve", heldSince: 0))
            try await other.join(ChatMember(person: "eve"), room: "s:0")
            #expect(try await other.places(of: "eve", in: "").isEmpty)
            if kind != .memory { await other.close() }
        }
    }
}
