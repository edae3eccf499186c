// Part of socketio-server, MIT licence; see LICENSE.

/// Which writing systems may stand together in one name, and which of their letters look alike.
///
/// After Unicode Technical Standard 39, *highly restrictive*: one script, or Latin with those of Chinese, of Japanese or
/// of Korean. A name all in Cyrillic or Greek can still look like a Latin one; ``skeleton(_:)`` makes these equal.
enum ScriptRules {
    private enum Script: Hashable {
        case latin, greek, cyrillic, han, kana, hangul, bopomofo
        /// Any other, told apart by its block of 128 characters or more.
        case other(UInt32)
    }

    /// First and last letters; digits, signs and emoji belong to all scripts.
    private static let ranges: [(ClosedRange<UInt32>, Script)] = [
        (0x41...0x5a, .latin), (0x61...0x7a, .latin), (0xaa...0xaa, .latin), (0xba...0xba, .latin),
        (0xc0...0x24f, .latin), (0x250...0x2af, .latin), (0x370...0x3ff, .greek), (0x400...0x52f, .cyrillic),
        (0x530...0x58f, .other(1)), (0x590...0x5ff, .other(2)), (0x600...0x6ff, .other(3)),
        (0x700...0x74f, .other(4)), (0x750...0x77f, .other(3)), (0x780...0x7bf, .other(5)),
        (0x8a0...0x8ff, .other(3)), (0x900...0x97f, .other(6)), (0x980...0x9ff, .other(7)),
        (0xa00...0xa7f, .other(8)), (0xa80...0xaff, .other(9)), (0xb00...0xb7f, .other(10)),
        (0xb80...0xbff, .other(11)), (0xc00...0xc7f, .other(12)), (0xc80...0xcff, .other(13)),
        (0xd00...0xd7f, .other(14)), (0xd80...0xdff, .other(15)), (0xe00...0xe7f, .other(16)),
        (0xe80...0xeff, .other(17)), (0xf00...0xfff, .other(18)), (0x1000...0x109f, .other(19)),
        (0x10a0...0x10ff, .other(20)), (0x1100...0x11ff, .hangul), (0x1200...0x139f, .other(21)),
        (0x13a0...0x13ff, .other(22)), (0x1780...0x17ff, .other(23)), (0x1800...0x18af, .other(24)),
        (0x1c80...0x1c8f, .cyrillic), (0x1d00...0x1dbf, .latin), (0x1e00...0x1eff, .latin),
        (0x1f00...0x1fff, .greek), (0x2c60...0x2c7f, .latin), (0x2de0...0x2dff, .cyrillic),
        (0x3005...0x3007, .han), (0x3041...0x30ff, .kana), (0x3105...0x312f, .bopomofo), (0x3131...0x318e, .hangul),
        (0x31f0...0x31ff, .kana), (0x3400...0x4dbf, .han), (0x4e00...0x9fff, .han), (0xa640...0xa69f, .cyrillic),
        (0xa720...0xa7ff, .latin), (0xa960...0xa97f, .hangul), (0xab30...0xab6f, .latin), (0xac00...0xd7ff, .hangul),
        (0xf900...0xfaff, .han), (0x20000...0x323af, .han),
    ]

    private static func script(of scalar: Unicode.Scalar) -> Script? {
        guard scalar.properties.isAlphabetic else { return nil }
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            let range = ranges[middle].0
            if range.contains(scalar.value) { return ranges[middle].1 }
            if scalar.value < range.lowerBound { high = middle } else { low = middle + 1 }
        }
        return .other(0x1000 + scalar.value >> 7)
    }

    /// Whether the scripts of the letters may stand together.
    static func areTogether(_ scalars: String.UnicodeScalarView) -> Bool {
        var found: [Script] = []
        for scalar in scalars {
            guard let script = script(of: scalar), !found.contains(script) else { continue }
            found.append(script)
            if found.count > 4 { return false }
        }
        if found.count < 2 { return true }
        let allowed: [[Script]] = [[.latin, .han, .kana], [.latin, .han, .hangul], [.latin, .han, .bopomofo]]
        return allowed.contains { together in found.allSatisfy { together.contains($0) } }
    }

    /// Small letters and digits that look like others, or nearly so, in the fonts that browsers use.
    private static let alike: [Unicode.Scalar: Unicode.Scalar] = [
        // Digits and lines.
        "0": "o", "1": "l", "i": "l", "|": "l", "ı": "l", "ɩ": "l", "ǀ": "l",
        // Cyrillic.
        "а": "a", "в": "b", "е": "e", "ѐ": "e", "ё": "e", "з": "3", "і": "l", "ї": "l", "ј": "j", "к": "k", "м": "m",
        "н": "h", "о": "o", "р": "p", "с": "c", "т": "t", "у": "y", "ү": "y", "х": "x", "ѕ": "s", "һ": "h", "ԁ": "d",
        "ԛ": "q", "ԝ": "w", "ь": "b", "ӏ": "l", "г": "r", "п": "n", "ѵ": "v", "ѡ": "w", "ӕ": "æ", "ә": "ə",
        // Greek.
        "α": "a", "β": "b", "γ": "y", "ε": "e", "ζ": "z", "η": "n", "ι": "l", "κ": "k", "μ": "u", "ν": "v", "ο": "o",
        "ό": "o", "ρ": "p", "σ": "o", "ς": "c", "τ": "t", "υ": "u", "χ": "x", "ω": "w", "ϲ": "c", "ϳ": "j", "έ": "e",
        "ί": "l", "ά": "a",
        // Latin of other languages that NFKC leaves as it is.
        "ɑ": "a", "ɡ": "g", "ո": "n", "օ": "o", "ս": "u", "հ": "h", "ք": "p", "ց": "g", "ȷ": "j", "ʋ": "v",
    ]

    /// The text with one letter in place of all that look like it, and without what is not seen.
    static func skeleton(_ text: String) -> String {
        var skeleton = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where !scalar.properties.isDefaultIgnorableCodePoint {
            skeleton.append(alike[scalar] ?? scalar)
        }
        return String(skeleton)
    }
}
