// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

extension PayloadKey: ExactCodingKey {}

/// Guards types that compare names as Swift's strings do, such as dictionaries with strings as keys: names that would cost
/// them too much, or that they would take for one, make the decoding fail. Types with fixed coding keys and those of this
/// package never come here.
enum StringKeys {
    /// Longer runs are written by nobody: the longest of any language has a handful (Unicode Standard Annex 15, 13).
    private static let longestRun = 30

    /// Whether comparing the name as a string could cost more than reading it: what is sorted for that is a run of marks.
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

    /// Whether a dictionary would lose one of the names, none of which is expensive.
    static func wouldMerge(_ names: [String]) -> Bool {
        // Strings on purpose.
        Set<String>(names).count < NameSet(names).count
    }

    /// Whether these are the keys of Swift's own dictionary with strings as keys.
    static func areOfDictionary<Key: CodingKey>(_ type: Key.Type) -> Bool {
        _typeName(type, qualified: false) == "_DictionaryCodingKey"
    }
}
