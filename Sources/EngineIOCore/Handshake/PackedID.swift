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
        let bytes = text.utf8
        guard bytes.count == 2 * Self.lettersInWord else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        for (index, letter) in bytes.enumerated() {
            guard let value = IDAlphabet.value(of: letter) else { return nil }
            if index < Self.lettersInWord {
                words.0 = words.0 << 6 | UInt64(value)
            } else {
                words.1 = words.1 << 6 | UInt64(value)
            }
        }
        (first, second) = words
    }

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
