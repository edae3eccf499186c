// Part of socketio-server, MIT licence; see LICENSE.

import ProcessTesting
import Testing

@testable import Chat

/// Names of people and titles are folded on purpose, after their bytes have been counted.
@Suite("Names in the chat")
struct ChatNameTests {
    @Test(
        "names that look the same are the same name",
        arguments: [
            ("Ann", "aNN"), ("Jos\u{e9}", "jose\u{301}"), ("\u{212A}ai", "kai"), ("\u{FF21}da", "ada"),
            ("\u{AC01}", "\u{1100}\u{1161}\u{11A8}"), (" Bob ", "bob"), ("Alice", "AIice"), ("bob", "b0b"),
            // All in Cyrillic, all in Greek.
            ("cocoa", "\u{441}\u{43e}\u{441}\u{43e}\u{430}"), ("Tom", "\u{422}\u{43e}\u{43c}"),
            ("Noah", "N\u{43e}ah".replacing("\u{43e}", with: "o")), ("kop", "\u{3ba}\u{3bf}\u{3c1}"),
        ])
    func alike(one: String, other: String) throws {
        #expect(try #require(ChatName(one)) == #require(ChatName(other)))
    }

    @Test("different names are different", arguments: [("Ann", "Bob"), ("김민지", "김민재"), ("Ада", "Ада2")])
    func different(one: String, other: String) throws {
        #expect(try #require(ChatName(one)) != #require(ChatName(other)))
    }

    @Test(
        "a nasty list of names is refused",
        arguments: [
            "", " ", "\u{2800}", "\u{00AD}", "\u{3164}", "\u{200B}", "\u{FEFF}", "A\u{200B}da", "Ada\u{3164}",
            "Ada\u{AD}",
            "Ada\u{200D}", "\u{202E}Ada", "Ada\u{202E}tfel", "\u{2066}Ada", "\u{200F}Ada", "\u{061C}Ada", "a\u{7}b",
            "a\nb",
            "a\u{2028}b", "\u{E000}", "\u{10FFFF}", "\u{115F}", "\u{FFA0}", "\u{034F}", "\u{180E}", "\u{1D173}",
            "\u{E0041}",
            // Cyrillic, Greek and Armenian letters among Latin ones.
            "\u{410}da", "Ad\u{430}", "p\u{430}ypal", "Sim\u{3bf}n", "B\u{585}b", "\u{397}ello",
            // Piles of accents, an accent on nothing.
            "Z\u{300}\u{301}\u{302}\u{303}", "\u{301}\u{302}", "A\u{20E3}\u{20E3}\u{20E3}\u{20E3}",
            "two  blanks",
        ])
    func nasty(name: String) {
        #expect(ChatName(name) == nil, "\(name.unicodeScalars.map { String($0.value, radix: 16) })")
        #expect(ChatTitle(name) == nil)
    }

    @Test(
        "names of many languages are welcome",
        arguments: [
            "Ada", "José", "김민지", "민지 Kim", "田中 太郎", "さくら", "Иван", "Γιώργος", "أحمد", "דוד", "नेहा", "สมชาย", "Đặng",
            "O'Brien",
            "Anna-Lena", "R2-D2", "🙂", "Ada ❤\u{FE0F}", "李雷", "Zoë 2",
        ])
    func welcome(name: String) throws {
        #expect(try #require(ChatName(name)).text.isEmpty == false)
    }

    @Test("lengths count in characters and in bytes, before anything else")
    func lengths() {
        #expect(
            ChatName(String(repeating: "n", count: 32)) != nil && ChatName(String(repeating: "n", count: 33)) == nil)
        #expect(ChatName(nil) == nil)
        #expect(
            ChatName(String(repeating: "🙂", count: 31)) != nil && ChatName(String(repeating: "🙂", count: 32)) == nil)
        // One character of many bytes, and one that folds into many.
        #expect(ChatName(HostileText.marks(bytes: 200)) == nil)
        #expect(ChatName(String(repeating: "\u{FDFA}", count: 10)) == nil)
        #expect(
            ChatTitle(String(repeating: "r", count: 64)) != nil && ChatTitle(String(repeating: "r", count: 65)) == nil)
        let marks = HostileText.marks(bytes: 5_000_000)
        let cost = ThreadCost.nanoseconds {
            for _ in 0..<100 {
                #expect(ChatName(marks) == nil && ChatTitle(marks) == nil && RoomKey("c:" + marks) == nil)
            }
        }
        // Once through the bytes would take longer.
        #expect(cost < 2_000_000_000)
    }

    @Test("keys of rooms are those that the server makes, and nothing else")
    func keys() {
        for key in ["s:lobby", "c:lobby:abc", "d:a:b", "g:x"] { #expect(RoomKey(key)?.text == key) }
        for key in [
            "", "s", "s:", "s:a:b", "c:a", "d:b:a", "d:a:a", "g:a b", "g:ä", "x:a", "person:ada", "d:a:b:c", "look:a",
            "g:" + String(repeating: "x", count: 65),
        ] {
            #expect(RoomKey(key) == nil, "\(key)")
        }
        #expect(RoomKey.direct(between: "b", and: "a").text == "d:a:b")
        #expect(RoomKey.direct(between: "a", and: "b").text == "d:a:b")
        #expect(CommunityName.id(of: "/socket/commu-12") == "12")
        for name in ["/socket/commu-", "/socket/commu-a/b", "/socket/commu-\u{e9}", "/x/commu-1", "/socket/commu-1 "] {
            #expect(CommunityName.id(of: name) == nil)
        }
    }

    @Test("a token is that of one person, a code ends")
    func tokens() throws {
        let (tokens, others) = (PersonToken(secret: "one"), PersonToken(secret: "two"))
        let token = tokens.token(for: "ada")
        #expect(tokens.person(of: token) == "ada")
        #expect(others.person(of: token) == nil && tokens.person(of: token + "x") == nil)
        #expect(tokens.person(of: "bob" + token.dropFirst(3)) == nil)
        for nonsense in ["", ".", "ada", "ada.", ".x", String(repeating: "x", count: 100_000)] {
            #expect(tokens.person(of: nonsense) == nil && tokens.person(ofCode: nonsense, now: 0) == nil)
        }
        let code = tokens.code(for: "ada", until: 1_000)
        #expect(tokens.person(ofCode: code, now: 999) == "ada" && tokens.person(ofCode: code, now: 1_000) == nil)
        // The one is not the other.
        #expect(tokens.person(of: code) == nil && tokens.person(ofCode: token, now: 0) == nil)
    }
}
