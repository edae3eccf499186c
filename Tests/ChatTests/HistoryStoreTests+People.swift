// Part of socketio-server, MIT licence; see LICENSE.

import Testing

@testable import Chat

/// Names, and people whom the store forgets.
extension HistoryStoreTests {
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
}
