// Part of socketio-server, MIT licence; see LICENSE.

import ProcessTesting
import Testing

@testable import Chat

/// Changed messages, searches, markers and message numbers.
extension HistoryStoreTests {
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
}
