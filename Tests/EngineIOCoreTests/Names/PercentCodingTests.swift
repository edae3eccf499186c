// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import Foundation
import Testing

@Suite struct PercentCodingTests {
    private static func decoded(_ text: String, isForm: Bool) -> String {
        String(
            decoding: Array(text.utf8).withUnsafeBytes { PercentCoding.decoded($0, isForm: isForm) }, as: UTF8.self)
    }

    private static func strictly(_ text: String) -> String? {
        Array(text.utf8).withUnsafeBytes { PercentCoding.strictlyDecoded($0) }.map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    @Test(arguments: [
        ("", ""), ("a%20b", "a b"), ("%C3%a9", "\u{e9}"), ("a+b", "a+b"), ("%2B", "+"), ("%2525", "%25"),
        ("%41%42", "AB"),
    ])
    func encodedTextIsRead(text: String, meaning: String) {
        #expect(Self.decoded(text, isForm: false) == meaning)
        #expect(Self.strictly(text) == meaning)
        #expect(Self.decoded(text, isForm: true) == meaning.replacing("a+b", with: "a b"))
    }

    @Test(arguments: ["%", "%4", "%4g", "a%", "%%41", "%zz", "100%", "%41%"])
    func aPercentSignWithoutDigitsStandsForItselfOrSpoilsAll(text: String) {
        #expect(Self.strictly(text) == nil)
        #expect(Self.decoded(text, isForm: false) == text.replacing("%41", with: "A"))
    }

    @Test func whateverIsEncodedComesBack() throws {
        for seed in 0..<200 {
            let bytes = (0..<seed).map { UInt8(truncatingIfNeeded: ($0 + 1) * (seed + 7) * 31) }
            let text = bytes.map { String(format: seed % 2 == 0 ? "%%%02x" : "%%%02X", $0) }.joined()
            #expect(Array(text.utf8).withUnsafeBytes { PercentCoding.strictlyDecoded($0) } == bytes)
            #expect(Array(text.utf8).withUnsafeBytes { PercentCoding.decoded($0, isForm: true) } == bytes)
        }
    }
}
