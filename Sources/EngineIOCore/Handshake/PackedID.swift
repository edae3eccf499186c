// Part of socketio-server, MIT licence; see LICENSE.

/// An id of 20 letters (``SessionID``) without memory of its own: six bits for each letter. A string of that length needs 80
/// bytes, and every session has an id.
package struct PackedID: Sendable, Hashable {
    private static let lettersInWord = 10

    private let first: UInt64
    private let second: UInt64

    /// The same letter twenty times, for where there is no id.
    package static let blank = PackedID(first: 0, second: 0)

    private init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }

    /// Nil for a text that is no id of our form.
    package init?(_ text: String) {
        var text = text
        guard let id = text.withUTF8({ PackedID(UnsafeRawBufferPointer($0)) }) else { return nil }
        self = id
    }

    /// The same for a text in memory.
    init?(_ letters: UnsafeRawBufferPointer) {
        guard letters.count == 2 * Self.lettersInWord,
            let first = Self.pack(UnsafeRawBufferPointer(rebasing: letters[..<Self.lettersInWord])),
            let second = Self.pack(UnsafeRawBufferPointer(rebasing: letters[Self.lettersInWord...]))
        else { return nil }
        self.init(first: first, second: second)
    }

    /// Six bits for each letter; nil if one of them is not in the alphabet.
    fileprivate static func pack(_ letters: UnsafeRawBufferPointer) -> UInt64? {
        var word: UInt64 = 0
        for index in 0..<letters.count {
            guard let value = IDAlphabet.value(of: letters[index]) else { return nil }
            word = word << 6 | UInt64(value)
        }
        return word
    }

    /// The tag of the node that has made it.
    package var nodeTag: PackedTag { PackedTag(letters: first >> 36) }

    /// The shard it names; the node may have fewer.
    package var shard: Int { Int(first >> 30 & 63) }

    /// The id as it is sent.
    package var text: String {
        String(unsafeUninitializedCapacity: 2 * Self.lettersInWord) { target in
            Self.write(first, to: target, from: 0)
            Self.write(second, to: target, from: Self.lettersInWord)
            return 2 * Self.lettersInWord
        }
    }

    private static func write(_ word: UInt64, to target: UnsafeMutableBufferPointer<UInt8>, from start: Int) {
        var word = word
        for index in stride(from: start + lettersInWord - 1, through: start, by: -1) {
            target[index] = IDAlphabet.letters[Int(word & 63)]
            word >>= 6
        }
    }
}

/// The tag of a node as it stands in front of ids.
package struct PackedTag: Sendable, Equatable {
    fileprivate let letters: UInt64

    fileprivate init(letters: UInt64) { self.letters = letters }

    /// Nil for a text that can be no tag.
    package init?(_ text: String) {
        guard SessionID.isValidTag(text) else { return nil }
        var text = text
        guard let letters = text.withUTF8({ PackedID.pack(UnsafeRawBufferPointer($0)) }) else { return nil }
        self.letters = letters
    }
}
