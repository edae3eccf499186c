// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

extension PayloadKey: ExactCodingKey {}

/// Protects types that compare names as Swift strings, such as dictionaries with string keys: decoding fails for names
/// that would be too expensive to compare, or that the type would treat as equal. Types with fixed coding keys and the
/// types of this package do not need this check.
enum StringKeys {
    /// Real text has no longer runs: no language uses more than a handful of marks (Unicode Standard Annex 15, 13).
    private static let longestRun = 30

    /// Whether comparing the name as a string could cost more than reading it, because normalisation sorts each run of
    /// marks.
    static func isExpensive(_ name: String) -> Bool {
        var run = 0
        for scalar in name.unicodeScalars {
            guard scalar.properties.canonicalCombiningClass != .notReordered else {
                run = 0
                continue
            }
            run += 1
            if run > longestRun { return true }
        }
        return false
    }

    /// Whether a dictionary would treat two of the names as equal. None of them may be expensive to compare.
    static func wouldMerge(_ names: [String]) -> Bool {
        // Uses strings on purpose.
        Set<String>(names).count < NameSet(names).count
    }

    /// Whether these are the keys of Swift's own dictionary with strings as keys.
    static func areOfDictionary<Key: CodingKey>(_ type: Key.Type) -> Bool {
        _typeName(type, qualified: false) == "_DictionaryCodingKey"
    }
}
