// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import ProcessTesting
import Testing

@Suite("Names are bytes")
struct ExactNameTests {
    private static let twins = HostileText.twins

    /// A string of its own, in memory of its own.
    private static func copy(_ text: String) -> String { String(decoding: Array(text.utf8), as: UTF8.self) }

    @Test("twins are equal as strings and differ as names", arguments: twins)
    func twinsDiffer(one: String, other: String) {
        #expect(one == other, "otherwise the test shows nothing")
        for prefix in ["", "user:", "a name that is too long to be kept in place: "] {
            let (left, right) = (prefix + one, prefix + other)
            #expect(!left.hasSameBytes(as: right))
            #expect(ExactName(left) != ExactName(right))
            #expect(ExactName(left) == ExactName(Self.copy(left)))
            #expect(ExactName(left).hashValue == ExactName(Self.copy(left)).hashValue)
            #expect(Set([ExactName(left), ExactName(right), ExactName(Self.copy(left))]).count == 2)
            #expect(left.precedesByBytes(right) != right.precedesByBytes(left))
            #expect([left, right].hasBytes(of: left) && ![right].hasBytes(of: left))
            #expect(!left.beginsWithBytes(of: right) && left.beginsWithBytes(of: prefix))
        }
    }

    @Test("equality is that of the bytes, whatever the length and the kind of memory")
    func equality() {
        var texts: [String] = []
        for length in [0, 1, 7, 8, 9, 15, 16, 17, 64, 300] {
            texts.append(String(repeating: "x", count: length))
            texts.append(String(repeating: "x", count: max(0, length - 1)) + "y")
            var long = "x"
            long.reserveCapacity(400)
            long += String(repeating: "x", count: max(0, length - 1))
            texts.append(long)
        }
        for left in texts {
            for right in texts {
                let isEqual = Array(left.utf8) == Array(right.utf8)
                #expect(left.hasSameBytes(as: right) == isEqual)
                #expect(Self.copy(left).hasSameBytes(as: right) == isEqual)
                #expect((ExactName(left) == ExactName(right)) == isEqual)
                #expect((ExactName(left) < ExactName(right)) == Array(left.utf8).lexicographicallyPrecedes(right.utf8))
            }
        }
    }

    @Test("two names one after the other are not two others that are cut elsewhere")
    func hashesOfSeveral() {
        struct Pair: Hashable {
            let one: ExactName
            let other: ExactName
        }
        #expect(Pair(one: "ab", other: "c").hashValue != Pair(one: "a", other: "bc").hashValue)
    }

    @Test("a set of names is one of bytes, and otherwise like any set")
    func sets() {
        var names: NameSet = ["b", "a", "b"]
        #expect(names == ["a", "b"] && names.count == 2 && names.sorted() == ["a", "b"])
        #expect(names.contains("a") && !names.contains("c"))
        let first = names.insert("c").inserted
        let second = names.insert("c").inserted
        #expect(first && !second)
        #expect(names.remove("c") == "c")
        #expect(names.remove("c") == nil)
        #expect(names.union(["z"]).subtracting(["a"]) == ["b", "z"])
        #expect(names.intersection(["b", "c"]) == ["b"] && names.symmetricDifference(["b", "c"]) == ["a", "c"])
        #expect(names.isSuperset(of: ["a"]) && names.isDisjoint(with: ["q"]) && !names.isEmpty)
        #expect(Array(names).sorted() == ["a", "b"] && "\(names)" == #"["a", "b"]"#)
        for (one, other) in Self.twins {
            let both: NameSet = [one, other]
            #expect(both.count == 2 && both.subtracting([one]) == [other] && both.subtracting([one]) != [one])
        }
    }

    @Test("a dictionary of names is one of bytes, and otherwise like any dictionary")
    func dictionaries() {
        var counts: NameDictionary = ["a": 1, "b": 2]
        counts["a", default: 0] += 1
        counts["c", default: 5] += 1
        #expect(counts == ["c": 6, "a": 2, "b": 2] && counts["d"] == nil && counts.keys == ["a", "b", "c"])
        counts["b"] = nil
        #expect(counts.removeValue(forKey: "c") == 6)
        #expect(counts.removeValue(forKey: "c") == nil)
        #expect(counts.merging(["a": 3, "e": 1], uniquingKeysWith: +) == ["a": 5, "e": 1])
        #expect(counts.mapValues { "\($0)" } == ["a": "2"] && counts.values == [2] && "\(counts)" == #"["a": 2]"#)
        for (one, other) in Self.twins {
            let both: NameDictionary = [one: 1, other: 2]
            #expect(both[one] == 1 && both[other] == 2 && both.count == 2)
        }
    }

    @Test("texts are cut at bytes")
    func cutting() {
        #expect("a,b,,c".split(byte: 0x2C) == ["a", "b", "c"])
        #expect(",a,".split(byte: 0x2C, omittingEmptySubsequences: false) == ["", "a", ""])
        #expect("a=b=c".split(byte: 0x3D, maxSplits: 1) == ["a", "b=c"])
        #expect("".split(byte: 0x2C).isEmpty)
        // A mark belongs to the character before it, but not to the separator.
        #expect("a,\u{301}b".split(byte: 0x2C).map { Array($0.utf8) } == [[0x61], [0xCC, 0x81, 0x62]])
        #expect("\t a b ".trimmingBlanks == "a b" && " ".trimmingBlanks.isEmpty && "".trimmingBlanks.isEmpty)
        #expect("AbZ[é\u{130}".asciiLowercased == "abz[é\u{130}")
        #expect("Bearer".equalsIgnoringASCIICase("bEARER") && !"\u{212A}".equalsIgnoringASCIICase("k"))
        #expect("aé🙂".prefix(maximumBytes: 7) == "aé🙂" && "aé🙂".prefix(maximumBytes: 6) == "aé")
        #expect(
            "aé🙂".prefix(maximumBytes: 2) == "a" && "é".prefix(maximumBytes: 1) == ""
                && "a".prefix(maximumBytes: -1) == "")
    }

    @Test("no length of combining marks costs more than a few times as much as letters", arguments: [false, true])
    func cost(inTurns: Bool) {
        let bytes = 100_000
        let (marks, plain) = (HostileText.marks(bytes: bytes, inTurns: inTurns), HostileText.plain(bytes: bytes))
        let ratio = ThreadCost.ratio(of: marks, to: plain) { text in
            var names: NameSet = []
            names.insert(text)
            names.insert(text + "b")
            names.insert(Self.copy(text))
            #expect(names.count == 2 && names.contains(text) && !names.contains("b" + text))
            #expect(!text.hasSameBytes(as: "a") && !text.precedesByBytes("a") && text.beginsWithBytes(of: "a"))
            #expect(text.split(byte: 0x2C).count == 1 && text.trimmingBlanks.utf8.count == text.utf8.count)
            #expect(
                text.prefix(maximumBytes: 100).utf8.count >= 99 && text.asciiLowercased.utf8.count == text.utf8.count)
        }
        #expect(ratio < 4)
    }
}
