// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import GRDB
import HiredisNIO
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import ProcessTesting
import Testing

@testable import Chat

/// The contract of ``HistoryStore``, for every store.
@Suite("What the chat keeps")
struct HistoryStoreTests {
    enum Kind: String, CaseIterable, Sendable {
        case memory, sqlite, redis
    }

    /// A store, what it stands on, and how to open it once more.
    private func withStore(
        _ kind: Kind, _ limits: ChatLimits = ChatLimits(),
        _ body: (any HistoryStore, _ again: () async throws -> any HistoryStore) async throws -> Void
    ) async throws {
        switch kind {
        case .memory:
            let store = MemoryStore(limits: limits)
            try await body(store) { store }
        case .sqlite:
            let folder = "/tmp/sio-chat-\(UInt32.random(in: 0 ... .max))"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let store = try SQLiteStore(path: folder + "/chat.sqlite", limits: limits)
            try await body(store) { try SQLiteStore(path: folder + "/chat.sqlite", limits: limits) }
            await store.close()
        case .redis:
            let server = try await RedisServer.started()
            let configuration = try RedisConfiguration(url: server.url)
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            func open() -> RedisStore {
                RedisStore(
                    configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                    logger: logger, prefix: "test:", limits: limits)
            }
            let store = open()
            try await body(store) { open() }
            await store.close()
        }
    }

    private let room = ChatRoom(key: "c:lobby:a", title: "a", space: "lobby", owner: "ada", created: 1)

    private func message(
        _ id: String, _ text: String = "x", from: String = "ada", in room: String = "c:lobby:a", at time: Int64 = 5
    ) -> ChatMessage {
        ChatMessage(room: room, seq: 0, id: id, from: from, name: from, text: text, time: time)
    }

    private func limits(_ change: (inout ChatLimits) -> Void) -> ChatLimits {
        var limits = ChatLimits()
        change(&limits)
        return limits
    }

    @Test("messages have numbers in the order they were stored, each once", arguments: Kind.allCases)
    func order(kind: Kind) async throws {
        try await withStore(kind) { store, again in
            _ = try await store.create(room)
            for number in 1...5 {
                let stored = try await store.append(message("m\(number)", "text \(number)", at: Int64(10 - number)))
                #expect(stored.seq == Int64(number))
            }
            // A repeated message is the stored one, whatever it says now; the same id of somebody else is another one.
            let repeated = try await store.append(message("m2", "changed"))
            #expect(repeated.seq == 2 && repeated.text == "text 2")
            #expect(try await store.append(message("m2", from: "bob")).seq == 6)
            let other = try await again()
            #expect(try await other.messages(in: room.key, before: nil, limit: 10).map(\.seq) == [1, 2, 3, 4, 5, 6])
            #expect(try await other.messages(in: room.key, before: 5, limit: 2).map(\.seq) == [3, 4])
            #expect(try await other.messages(in: room.key, before: 1, limit: 2).isEmpty)
            #expect(try await other.messages(in: room.key, after: 2, limit: 2).map(\.seq) == [3, 4])
            #expect(try await other.messages(in: room.key, after: 6, limit: 2).isEmpty)
            #expect(try await other.message(3, in: room.key)?.text == "text 3")
            #expect(try await other.message(7, in: room.key) == nil)
            #expect(try await other.last(in: room.key) == 6)
            #expect(try await other.messages(in: "c:lobby:b", before: nil, limit: 10).isEmpty)
            await #expect(throws: HistoryStoreError.refused) { try await other.append(message("m", in: "c:lobby:b")) }
            if kind != .memory { await other.close() }
        }
    }

    @Test("writers at the same time get one order without gaps", arguments: Kind.allCases)
    func concurrency(kind: Kind) async throws {
        try await withStore(kind) { store, _ in
            _ = try await store.create(room)
            let numbers = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<200 { group.addTask { try await store.append(message("m\(number % 150)")).seq } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(numbers.max() == 150)
            #expect(try await store.messages(in: room.key, after: 0, limit: 500).map(\.seq) == Array(1...150))
        }
    }

    @Test("a message is changed by one of two who try, and is found as it is then", arguments: Kind.allCases)
    func changes(kind: Kind) async throws {
        try await withStore(kind) { store, _ in
            _ = try await store.create(room)
            var changed = try await store.append(message("m", "old 100% Text"))
            #expect(try await store.search("100% tEXT", in: room.key, limit: 5).map(\.seq) == [1])
            #expect(try await store.search("100_", in: room.key, limit: 5).isEmpty)
            changed.text = "neu, 안녕"
            changed.rev = 1
            changed.reactions = [ChatMessage.Reaction(emoji: "👍", people: ["bob"])]
            #expect(try await store.replace(changed))
            #expect(try await store.replace(changed) == false)
            #expect(try await store.message(1, in: room.key) == changed)
            #expect(try await store.search("안녕", in: room.key, limit: 5) == [changed])
            #expect(try await store.search("old", in: room.key, limit: 5).isEmpty)
            for number in 2...4 { _ = try await store.append(message("m\(number)", "again 안녕")) }
            #expect(try await store.search("안녕", in: room.key, limit: 2).map(\.seq) == [4, 3])
        }
    }

    @Test("a search finds what texts have, and nothing else of a message", arguments: Kind.allCases)
    func searches(kind: Kind) async throws {
        try await withStore(kind) { store, _ in
            _ = try await store.create(room)
            let texts = ["say \"hi\"\\n\nnow", "tab\there / slash", "{\"x\":1}\n|2", "", "\u{0}é👍🏽", "HI there"]
            for (number, text) in texts.enumerated() {
                var message = message("m\(number)", text)
                message.reply = ChatMessage.Reply(seq: 1, name: "Zoe", text: "quoted")
                let stored = try await store.append(message)
                #expect(stored.text == text && stored.reply == message.reply)
            }
            #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.text) == texts)
            for (text, found) in [
                ("hi\"\\N\nNOW", [1]), ("hi", [6, 1]), ("\there", [2]), ("/ s", [2]), ("}\n|", [3]), ("é👍🏽", [5]),
                ("room", []), ("text", []), ("ada", []), ("quoted", []), ("Zoe", []), ("m1", []), ("lobby", []),
            ] as [(String, [Int64])] {
                #expect(try await store.search(text, in: room.key, limit: 9).map(\.seq) == found, "\(text)")
            }
            #expect(try await store.search("h", in: room.key, limit: 2).map(\.seq) == [6, 2])
            // Only the newest 5,000 are looked through.
            for number in 0..<4_996 { _ = try await store.append(message("n\(number)")) }
            #expect(try await store.search("}", in: room.key, limit: 9).map(\.seq) == [3])
            _ = try await store.append(message("last"))
            #expect(try await store.search("}", in: room.key, limit: 9).isEmpty)
        }
    }

    @Test("markers go forward only, and what was unread is counted from them", arguments: Kind.allCases)
    func markers(kind: Kind) async throws {
        try await withStore(kind) { store, _ in
            _ = try await store.create(room)
            _ = try await store.append(message("m1"))
            try await store.join(ChatMember(person: "bob"), room: room.key)
            #expect(try await store.member("bob", of: room.key)?.read == 1, "what was said before counts as read")
            for number in 2...4 { _ = try await store.append(message("m\(number)")) }
            let place = try #require(try await store.places(of: "bob", in: "lobby").first)
            #expect(place.last == 4 && place.read == 1 && place.message?.id == "m4" && place.room == room)
            #expect(try await store.mark("bob", in: room.key, read: 0, delivered: 4)?.delivered == 4)
            #expect(try await store.mark("bob", in: room.key, read: 3, delivered: 0)?.read == 3)
            let back = try #require(try await store.mark("bob", in: room.key, read: 2, delivered: 2))
            #expect(back.read == 3 && back.delivered == 4)
            #expect(try await store.mark("bob", in: room.key, read: 99, delivered: 99)?.read == 4, "not past the end")
            #expect(try await store.mark("eve", in: room.key, read: 1, delivered: 1) == nil)
            // One's own message is read.
            _ = try await store.append(message("m", from: "bob"))
            #expect(try await store.member("bob", of: room.key)?.read == 5)
        }
    }

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

    private func keysOf(_ places: [ChatPlace]) -> [String] { places.map(\.room.key).sorted() }

    @Test("a name is one person's until they have been away for long", arguments: Kind.allCases)
    func names(kind: Kind) async throws {
        try await withStore(kind) { store, again in
            #expect(try await store.secret("first") == "first")
            #expect(try await again().secret("second") == "first")
            #expect(try await store.claim(ChatPerson(id: "1", name: "Ada", seen: 100), skeleton: "ada", heldSince: 0))
            #expect(try await store.person("1") == ChatPerson(id: "1", name: "Ada", seen: 100))
            #expect(
                !(try await store.claim(ChatPerson(id: "2", name: "ADA", seen: 100), skeleton: "ada", heldSince: 100)))
            #expect(try await store.person("2") == nil)
            // The same person again, and under another name, which sets the first one free.
            #expect(try await store.claim(ChatPerson(id: "1", name: "ada", seen: 110), skeleton: "ada", heldSince: 0))
            #expect(try await store.claim(ChatPerson(id: "1", name: "Eve", seen: 120), skeleton: "eve", heldSince: 0))
            #expect(try await store.claim(ChatPerson(id: "2", name: "Ada", seen: 130), skeleton: "ada", heldSince: 0))
            // Away for long.
            _ = try await store.create(room)
            try await store.join(ChatMember(person: "2"), room: room.key)
            try await store.left("2", at: 140)
            #expect(
                !(try await store.claim(ChatPerson(id: "3", name: "Ada", seen: 150), skeleton: "ada", heldSince: 140)))
            #expect(try await store.claim(ChatPerson(id: "3", name: "Ada", seen: 150), skeleton: "ada", heldSince: 141))
            #expect(
                !(try await store.claim(ChatPerson(id: "2", name: "Ada", seen: 160), skeleton: "ada", heldSince: 141)))
            // Somebody in no room is forgotten.
            try await store.left("1", at: 150)
            #expect(try await store.person("1") == nil)
            // Names that need not differ.
            #expect(try await store.claim(ChatPerson(id: "4", name: "Ada", seen: 1), skeleton: "", heldSince: 0))
            #expect(try await store.claim(ChatPerson(id: "5", name: "Ada", seen: 1), skeleton: "", heldSince: 0))
        }
    }

    @Test("messages of a room, in number and in bytes: at the limit and one over it", arguments: Kind.allCases)
    func roomLimits(kind: Kind) async throws {
        let size = message("m1").size
        for limits in [limits { $0.historyMessages = 3 }, limits { $0.historyRoomBytes = 3 * size }] {
            try await withStore(kind, limits) { store, _ in
                _ = try await store.create(room)
                for number in 1...3 { _ = try await store.append(message("m\(number)")) }
                #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.seq) == [1, 2, 3])
                _ = try await store.append(message("m4"))
                #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.seq) == [2, 3, 4])
                #expect(try await store.message(1, in: room.key) == nil)
                #expect(try await store.messages(in: room.key, after: 0, limit: 9).map(\.seq) == [2, 3, 4])
                // Lower limits while it runs.
                var lower = store
                lower.limits.historyMessages = 1
                try await store.trim(now: 10)
                #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.seq) == [4])
                #expect(try await store.append(message("m5")).seq == 5, "numbers are never used again")
            }
        }
    }

    @Test("bytes of all rooms: the room with the most bytes loses its oldest", arguments: Kind.allCases)
    func totalLimit(kind: Kind) async throws {
        let size = message("m1").size
        try await withStore(kind, limits { $0.historyBytes = 8 * size }) { store, _ in
            let other = ChatRoom(key: "c:lobby:b", title: "b", space: "lobby", owner: "", created: 1)
            _ = try await store.create(room)
            _ = try await store.create(other)
            for number in 1...2 { _ = try await store.append(message("m\(number)")) }
            for number in 1...6 { _ = try await store.append(message("m\(number)", in: other.key)) }
            #expect(try await store.messages(in: other.key, before: nil, limit: 9).count == 6)
            for number in 7...20 { _ = try await store.append(message("m\(number)", in: other.key)) }
            #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.seq) == [1, 2])
            #expect(try await store.messages(in: other.key, before: nil, limit: 9).map(\.seq) == Array(15...20))
            // Lower limits while it runs.
            var lower = store
            lower.limits.historyBytes = 4 * size
            try await store.trim(now: 10)
            let left = try await store.messages(in: room.key, before: nil, limit: 9).count
            #expect(try await store.messages(in: other.key, before: nil, limit: 9).count == 4 - left && left > 0)
            #expect(try await store.last(in: room.key) == 2)
        }
    }

    @Test("rooms that are filled in turns leave a short conversation alone", arguments: Kind.allCases)
    func manyFloods(kind: Kind) async throws {
        let size = message("m1").size
        try await withStore(kind, limits { $0.historyBytes = 40 * size }) { store, _ in
            _ = try await store.create(room)
            for number in 1...2 { _ = try await store.append(message("m\(number)")) }
            let rooms = (0..<10).map { "g:\($0)" }
            for key in rooms {
                _ = try await store.create(ChatRoom(key: key, title: "", space: "", owner: "eve", created: 1))
            }
            for number in 0..<200 {
                _ = try await store.append(message("m\(number)", from: "eve", in: rooms[number % 10]))
            }
            #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.seq) == [1, 2])
            var counts: [Int] = []
            for key in rooms { counts.append(try await store.messages(in: key, before: nil, limit: 99).count) }
            #expect(counts.reduce(0, +) == 38 && counts.allSatisfy { (2...8).contains($0) }, "\(counts)")
            // A new message that makes its room the greatest is not lost for it.
            let long = String(repeating: "x", count: 39 * size)
            _ = try await store.create(ChatRoom(key: "g:new", title: "", space: "", owner: "ada", created: 1))
            _ = try await store.append(message("m", long, in: "g:new"))
            #expect(try await store.messages(in: "g:new", before: nil, limit: 9).count == 1)
        }
    }

    @Test("messages that are too old go", arguments: Kind.allCases)
    func age(kind: Kind) async throws {
        let day: Int64 = 86_400_000
        try await withStore(kind, limits { $0.historyDays = 2 }) { store, _ in
            _ = try await store.create(room)
            for number in 1...4 { _ = try await store.append(message("m\(number)", at: Int64(number) * day)) }
            try await store.trim(now: 5 * day)
            #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.seq) == [3, 4])
            try await store.trim(now: 50 * day)
            #expect(try await store.messages(in: room.key, before: nil, limit: 9).isEmpty)
            #expect(try await store.append(message("m5", at: 50 * day)).seq == 5)
        }
    }

    @Test("files come in pieces, belong to their owner, and are read in one room", arguments: Kind.allCases)
    func files(kind: Kind) async throws {
        try await withStore(kind, limits { $0.filesBytes = 2 * 4_096 + 10 }) { store, _ in
            let file = ChatFile(id: "f", name: "a.png", type: "image/png", size: 6)
            #expect(try await store.begin(file, owner: "ada", now: 1) == 0)
            #expect(try await store.append([1, 2, 3], at: 0, to: "f", owner: "ada") == 3)
            #expect(try await store.append([9], at: 0, to: "f", owner: "ada") == 3, "a repeated piece does nothing")
            #expect(try await store.append([4, 5, 6, 7], at: 3, to: "f", owner: "ada") == 3, "nor does one too long")
            #expect(try await store.begin(file, owner: "ada", now: 2) == 3, "to go on with")
            #expect(try await store.attach("f", owner: "ada", to: "c:lobby:a") == nil, "not complete")
            #expect(try await store.append([4, 5, 6], at: 3, to: "f", owner: "ada") == 6)
            await #expect(throws: HistoryStoreError.refused) { try await store.begin(file, owner: "eve", now: 1) }
            await #expect(throws: HistoryStoreError.refused) {
                try await store.append([1], at: 6, to: "f", owner: "eve")
            }
            #expect(try await store.attach("f", owner: "eve", to: "c:lobby:a") == nil)
            #expect(try await store.read("f", in: "c:lobby:a", at: 0, count: 9) == nil, "in no room yet")
            #expect(try await store.attach("f", owner: "ada", to: "c:lobby:a") == file)
            #expect(try await store.attach("f", owner: "ada", to: "c:lobby:b") == nil)
            #expect(try await store.read("f", in: "c:lobby:a", at: 2, count: 3) == [3, 4, 5])
            #expect(try await store.read("f", in: "c:lobby:a", at: 6, count: 3) == [])
            #expect(try await store.read("f", in: "c:lobby:b", at: 0, count: 3) == nil)
            // The oldest file goes when there are too many bytes.
            let next = ChatFile(id: "g", name: "b", type: "text/plain", size: 5)
            _ = try await store.begin(next, owner: "ada", now: 3)
            #expect(try await store.append([1, 2, 3, 4], at: 0, to: "g", owner: "ada") == 4)
            #expect(try await store.read("f", in: "c:lobby:a", at: 0, count: 1) == [1])
            #expect(try await store.append([5], at: 4, to: "g", owner: "ada") == 5)
            #expect(try await store.read("f", in: "c:lobby:a", at: 0, count: 1) == nil)
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

    private func group(_ name: String, owner: String = "ada", at time: Int64) -> ChatRoom {
        ChatRoom(key: "g:\(name)", title: "", space: "", owner: owner, created: time)
    }

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

    @Test("people who never took part are forgotten when they stay away", arguments: Kind.allCases)
    func forgetsNewcomers(kind: Kind) async throws {
        let day: Int64 = 86_400_000
        try await withStore(kind) { store, _ in
            let talk = ChatRoom(key: "d:ada:bob", title: "", space: "", owner: "", created: 1)
            for room in [room, talk] { _ = try await store.create(room) }
            for person in ["writes", "makes", "talks", "muted", "reads", "stays"] {
                #expect(
                    try await store.claim(
                        ChatPerson(id: person, name: person, seen: day), skeleton: person, heldSince: 0))
                try await store.join(ChatMember(person: person), room: room.key)
            }
            _ = try await store.append(message("m", from: "writes"))
            _ = try await store.create(ChatRoom(key: "g:x", title: "", space: "", owner: "makes", created: 1))
            try await store.join(ChatMember(person: "talks"), room: talk.key)
            try await store.moderate("muted", in: room.key, role: .member, mutedUntil: 9)
            try await store.seen(["stays", "nobody"], at: day + 1)
            try await store.trim(now: 8 * day)
            #expect(try await store.person("reads") != nil, "seven days are not over")
            try await store.trim(now: 8 * day + 1)
            #expect(try await store.person("reads") == nil)
            #expect(try await store.member("reads", of: room.key) == nil)
            #expect(try await store.places(of: "reads", in: "lobby").isEmpty)
            #expect(try await store.person("stays")?.seen == day + 1)
            try await store.trim(now: 9 * day)
            #expect(try await store.person("stays") == nil)
            for person in ["writes", "makes", "talks", "muted"] {
                #expect(try await store.person(person) != nil, "\(person)")
                #expect(try await store.member(person, of: room.key) != nil, "\(person)")
            }
            // The name is free at once.
            let next = ChatPerson(id: "next", name: "reads", seen: 9 * day)
            #expect(try await store.claim(next, skeleton: "reads", heldSince: 0))
        }
    }

    @Test("a full chat gives the place of somebody who never took part to the next", arguments: Kind.allCases)
    func fullOfNewcomers(kind: Kind) async throws {
        let hour: Int64 = 3_600_000
        try await withStore(kind, limits { $0.maxPeople = 3 }) { store, _ in
            _ = try await store.create(room)
            func claim(_ id: String, at time: Int64) async throws {
                let person = ChatPerson(id: id, name: id, seen: time)
                #expect(try await store.claim(person, skeleton: id, heldSince: 0), "\(id)")
                try await store.join(ChatMember(person: id), room: room.key)
            }
            try await claim("a", at: 1)
            try await claim("b", at: 2)
            try await claim("c", at: 3)
            _ = try await store.append(message("m", from: "a"))
            await #expect(throws: HistoryStoreError.full) { try await claim("d", at: hour + 2) }
            // B comes back, and is then the one who was here last; c has to go.
            try await claim("b", at: hour + 2)
            try await claim("d", at: hour + 4)
            #expect(try await store.person("c") == nil)
            #expect(try await store.member("c", of: room.key) == nil)
            await #expect(throws: HistoryStoreError.full) { try await claim("e", at: hour + 5) }
            // Those who come and go without end take no places.
            for number in 0..<300 {
                try await store.left("d", at: 2 * hour)
                try await store.leave("d", room: room.key)
                try await store.left("d", at: 2 * hour)
                try await claim("d", at: 2 * hour + Int64(number))
            }
            try await claim("e", at: 2 * hour + 3)
            #expect(try await store.person("b") == nil)
            for person in ["a", "d", "e"] { #expect(try await store.person(person) != nil, "\(person)") }
        }
    }

    @Test("writes that wait are bounded in bytes: at the limit, and one byte more")
    func waitingBytes() async throws {
        let folder = "/tmp/sio-chat-\(UInt32.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try SQLiteStore(path: folder + "/chat.sqlite")
        let (started, goes) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let first = Task {
            try await store.write(bytes: 1) { _ in
                started.signal()
                goes.wait()
            }
        }
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                started.wait()
                continuation.resume()
            }
        }
        await #expect(throws: HistoryStoreError.away("too many writes wait")) {
            try await store.write(bytes: WriteBatches.maximumBytes) { _ in }
        }
        // Of two that need all that is left, one waits and the other is refused.
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    do {
                        try await store.write(bytes: WriteBatches.maximumBytes - 1) { _ in }
                        return true
                    } catch HistoryStoreError.away { return false }
                }
            }
            let refused = try await group.next()
            #expect(refused == false, "while the first transaction lasts, nothing is written")
            goes.signal()
            let written = try await group.next()
            #expect(written == true)
        }
        try await first.value
        try await store.write(bytes: WriteBatches.maximumBytes) { _ in }
        await store.close()
    }

    @Test("files that are only announced count as well, and the oldest go", arguments: Kind.allCases)
    func announcedFiles(kind: Kind) async throws {
        try await withStore(kind, limits { $0.filesBytes = 3 * 4_096 + 2 }) { store, again in
            func begin(_ number: Int) async throws -> Int {
                let file = ChatFile(id: "f\(number)", name: "a", type: "text/plain", size: 9)
                return try await store.begin(file, owner: "ada", now: Int64(number))
            }
            for number in 1...3 { #expect(try await begin(number) == 0) }
            #expect(try await store.append([1, 2], at: 0, to: "f1", owner: "ada") == 2)
            #expect(try await begin(1) == 2, "three are within the limit")
            #expect(try await begin(4) == 0)
            await #expect(throws: HistoryStoreError.refused) {
                try await store.append([1], at: 0, to: "f1", owner: "ada")
            }
            for number in 2...4 {
                #expect(try await store.append([], at: 0, to: "f\(number)", owner: "ada") == 0, "f\(number) is there")
            }
            // A server that opens the store counts the same.
            let other = try await again()
            let file = ChatFile(id: "f5", name: "a", type: "text/plain", size: 9)
            #expect(try await other.begin(file, owner: "ada", now: 5) == 0)
            await #expect(throws: HistoryStoreError.refused) {
                try await other.append([1], at: 0, to: "f2", owner: "ada")
            }
            #expect(try await other.append([1], at: 0, to: "f3", owner: "ada") == 1)
            if kind != .memory { await other.close() }
        }
    }

    @Test("numbers that no message has are no fault", arguments: Kind.allCases)
    func oddNumbers(kind: Kind) async throws {
        try await withStore(kind) { store, _ in
            _ = try await store.create(room)
            for number in 1...3 { _ = try await store.append(message("m\(number)")) }
            for number in [Int64.min, -1, 0, 1 << 53 - 1, 1 << 53, 1 << 62, .max] {
                let isBelow = number <= 0
                #expect(try await store.message(number, in: room.key) == nil, "\(number)")
                let before = try await store.messages(in: room.key, before: max(0, number), limit: 9)
                #expect(before.count == (isBelow ? 0 : 3), "\(number)")
                #expect(try await store.messages(in: room.key, after: number, limit: 9).count == (isBelow ? 3 : 0))
            }
            #expect(try await store.messages(in: room.key, before: .min, limit: 9).isEmpty)
        }
    }

    @Test("looking for a text takes time in proportion to the texts, whatever they are")
    func searchingIsLinear() {
        let text = String(repeating: "a", count: 200_000)
        let hard = SearchPattern(String(repeating: "a", count: 199) + "b")
        let easy = SearchPattern("zz")
        let ratio = ThreadCost.ratio(of: hard, to: easy) { #expect(!$0.matches(text)) }
        #expect(ratio <= 10, "\(ratio) times what letters cost that are not there")
        for (text, pattern, isThere) in [
            ("abababac", "ABABAC", true), ("aabaaab", "aaab", true), ("aaaa", "aaaaa", false), ("", "a", false),
            ("Ab", "aB", true),
        ] {
            #expect(SearchPattern(pattern).matches(text) == isThere, "\(pattern) in \(text)")
        }
    }

    @Test("what a message costs a full store does not depend on the number of rooms")
    func manyRoomsInFullStore() {
        let size = message("m").size
        let ratio = ThreadCost.ratio(of: 10_000, to: 100) { count in
            let rooms = (0..<count).map {
                MemoryStore.Room(ChatRoom(key: "g:\($0)", title: "", space: "", owner: "", created: 1))
            }
            let state = MemoryStore.State(NIOLockedValueBox(limits { $0.historyBytes = count / 2 * size }))
            for number in 0..<40_000 {
                let room = rooms[number % count]
                room.last += 1
                var message = message("m")
                message.seq = room.last
                state.add(message, to: room)
            }
            let kept = state.roomsBySize.joined()
            #expect(state.bytes == count / 2 * size && kept.reduce(0) { $0 + $1.count } == count / 2)
            #expect(kept.allSatisfy { $0.bytes <= 3 * size })
        }
        #expect(ratio <= 10, "\(ratio) times")
    }

    @Test("what was removed takes no memory")
    func removedMessages() {
        let room = MemoryStore.Room(room)
        for number in 1...30 {
            var message = message("m\(number)", String(repeating: "x", count: 8_000))
            message.seq = Int64(number)
            room.last = message.seq
            room.add(message)
        }
        for number in 1...29 { #expect(room.removeFirst()?.seq == Int64(number)) }
        #expect(room.stored.reduce(0) { $0 + $1.text.utf8.count } == 8_000)
        #expect(room[30]?.seq == 30 && room[29] == nil)
        #expect(room.removeFirst()?.seq == 30)
        #expect(room.stored.isEmpty && room.messages.isEmpty && room.removeFirst() == nil)
    }

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

extension ChatRoom {
    fileprivate func with(owner: String) -> ChatRoom {
        ChatRoom(key: key, title: title, space: space, owner: owner, created: created)
    }
}
