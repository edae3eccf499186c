// Part of socketio-server, MIT licence; see LICENSE.

import ProcessTesting
import Testing

@testable import Chat

/// Names of people and rooms are folded on purpose, after their bytes have been counted.
@Suite("Names in the chat")
struct ChatNameTests {
    @Test(
        "what people would take for one name is one person's",
        arguments: [
            ("Ann", "aNN"), ("Jos\u{e9}", "jose\u{301}"), ("\u{212A}ai", "kai"), ("\u{FF21}da", "ada"),
            ("\u{AC01}", "\u{1100}\u{1161}\u{11A8}"), (" Bob ", "bob"),
            ("Ada", "A\u{200B}da"), ("Ada", "ada\u{FE0F}"), ("Ada", "\u{2066}Ada"), ("Ada", "Ada\u{3164}"),
        ])
    func folding(one: String, other: String) throws {
        let (left, right) = (try #require(ChatName(one)), try #require(ChatName(other)))
        #expect(left == right && left.personRoom.utf8.elementsEqual(right.personRoom.utf8))
        #expect(ChatRoom.conversation(left, right).utf8.count <= ChatRoom.maximumKeyBytes)
    }

    @Test("different names are different, and a conversation has one key")
    func different() throws {
        let (ann, bob) = (try #require(ChatName("Ann")), try #require(ChatName("Bob")))
        #expect(ann != bob && ChatRoom.conversation(ann, bob) == ChatRoom.conversation(bob, ann))
    }

    @Test("lengths count in characters and in bytes, before anything else")
    func lengths() {
        #expect(
            ChatName(String(repeating: "n", count: 32)) != nil && ChatName(String(repeating: "n", count: 33)) == nil)
        #expect(ChatName("") == nil && ChatName(" ") == nil && ChatName("a\u{7}b") == nil && ChatName(nil) == nil)
        #expect(ChatName("\u{200B}") == nil && ChatName("\u{3164}") == nil)
        #expect(
            ChatName(String(repeating: "🙂", count: 31)) != nil && ChatName(String(repeating: "🙂", count: 32)) == nil)
        // One character of many bytes, and one that folds into many.
        #expect(ChatName(HostileText.marks(bytes: 200)) == nil)
        #expect(ChatName(String(repeating: "\u{FDFA}", count: 10)) == nil)
        #expect(ChatRoom(title: String(repeating: "r", count: 64)) != nil)
        #expect(ChatRoom(title: String(repeating: "r", count: 65)) == nil)
        #expect(ChatRoom(key: "room:" + String(repeating: "r", count: 251)) != nil)
        #expect(ChatRoom(key: "room:" + String(repeating: "r", count: 252)) == nil)
        #expect(ChatRoom(key: "room:a\u{301}")?.title.utf8.elementsEqual("a\u{301}".utf8) == true)
        #expect(ChatRoom(key: "person:ann") == nil)
        let marks = HostileText.marks(bytes: 5_000_000)
        let cost = ThreadCost.nanoseconds {
            for _ in 0..<100 {
                #expect(
                    ChatName(marks) == nil && ChatRoom(title: marks) == nil && ChatRoom(key: "room:" + marks) == nil)
            }
        }
        // Once through the bytes would take longer.
        #expect(cost < 2_000_000_000)
    }
}
