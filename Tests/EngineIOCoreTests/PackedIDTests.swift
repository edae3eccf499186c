// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import Testing

@Suite struct PackedIDTests {
    @Test func everyLetterComesBackFromEveryPlace() throws {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var seen: Set<PackedID> = []
        for place in 0..<20 {
            for letter in letters where letter != "A" {
                var text = Array(repeating: Character("A"), count: 20)
                text[place] = letter
                let id = try #require(PackedID(String(text)))
                #expect(id.text == String(text))
                #expect(seen.insert(id).inserted)
            }
        }
        #expect(seen.count == 20 * 63)
    }

    @Test func idsComeBack() {
        let generator = SessionIDGenerator(nodeTag: "a-_9")
        for _ in 0..<1000 {
            let sid = generator.next(shard: 63)
            #expect(PackedID(sid)?.text == sid)
            #expect(PackedID(sid) == PackedID(sid))
            let other = RandomID.make()
            #expect(PackedID(other)?.text == other)
            #expect(PackedID(sid) != PackedID(other))
        }
    }

    @Test(arguments: [
        "", "A", String(repeating: "A", count: 19), String(repeating: "A", count: 21), "AAAAAAAAAAAAAAAAAAA.",
        "\u{e4}AAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAA\u{e4}", "AAAAAAAAAA AAAAAAAAA", "\u{0}AAAAAAAAAAAAAAAAAAA",
    ])
    func othersAreNone(text: String) {
        #expect(PackedID(text) == nil)
    }
}
