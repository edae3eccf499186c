// Part of socketio-server, MIT licence; see LICENSE.

/// What every id of ours has in common: 64 letters that are safe in URLs, cookies and file names.
enum IDAlphabet {
    static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func value(of letter: UInt8) -> Int? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(letter - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(letter - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(letter - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }

    /// Fills `target` with letters of six random bits each; at most 20, taken from two draws of 64 bits.
    static func fill(_ target: Slice<UnsafeMutableBufferPointer<UInt8>>, using rng: inout some RandomNumberGenerator) {
        var target = target
        var bits = rng.next()
        var left = 10
        // Not `indices`, which asks the runtime for generic types at each call.
        for index in target.startIndex..<target.endIndex {
            if left == 0 {
                bits = rng.next()
                left = 10
            }
            target[index] = letters[Int(bits & 63)]
            bits >>= 6
            left -= 1
        }
    }
}

/// Where a session lives, read from or written into its id (decisions 3).
///
/// A session id is 20 characters of `[A-Za-z0-9_-]`: 4 name the node, 1 the shard, 15 carry 90 random bits. It authorises
/// the requests of its session: never log it whole, never show it to another client.
package enum SessionID {
    package static let length = 20
    package static let tagLength = 4
    /// One letter names the shard, so a node has at most this many.
    package static let maximumShards = 64

    /// Whether `tag` can stand in front of session ids: four characters of `[A-Za-z0-9_-]`.
    package static func isValidTag(_ tag: some StringProtocol) -> Bool {
        let bytes = tag.utf8
        return bytes.count == tagLength && bytes.allSatisfy { IDAlphabet.value(of: $0) != nil }
    }

    /// Whether `sid` has the length and the letters of our ids.
    ///
    /// Of `String` and not of any text: every polling request asks, and generic code of another module is not specialised.
    package static func isWellFormed(_ sid: String) -> Bool {
        let bytes = sid.utf8
        return bytes.count == length && bytes.allSatisfy { IDAlphabet.value(of: $0) != nil }
    }

    /// The node tag of `sid`; nil when it is not an id of our form.
    package static func nodeTag(of sid: String) -> String? {
        isWellFormed(sid) ? String(sid.prefix(tagLength)) : nil
    }
}

/// Makes session ids for one node.
package struct SessionIDGenerator: Sendable {
    package let nodeTag: String
    private let tag: [UInt8]

    /// - Parameter nodeTag: must satisfy `SessionID.isValidTag`; configuration is validated before it comes here.
    package init(nodeTag: String) {
        precondition(SessionID.isValidTag(nodeTag), "the node tag must be 4 characters of [A-Za-z0-9_-]")
        self.nodeTag = nodeTag
        self.tag = Array(nodeTag.utf8)
    }

    /// A fresh id for a session on `shard` (0..<64), from the system's secure random source.
    package func next(shard: Int) -> String {
        var rng = SecureRandom()
        return next(shard: shard, using: &rng)
    }

    /// A fresh id for a session on `shard` (0..<64).
    package func next(shard: Int, using rng: inout some RandomNumberGenerator) -> String {
        precondition(0..<SessionID.maximumShards ~= shard, "a node has at most 64 shards")
        return String(unsafeUninitializedCapacity: SessionID.length) { target in
            for (index, letter) in tag.enumerated() { target[index] = letter }
            target[SessionID.tagLength] = IDAlphabet.letters[shard]
            IDAlphabet.fill(target[(SessionID.tagLength + 1)..<SessionID.length], using: &rng)
            return SessionID.length
        }
    }
}

/// Public ids without meaning, such as those of sockets: 20 random characters, 120 bits.
package enum RandomID {
    /// A fresh id from the system's secure random source.
    package static func make() -> String {
        var rng = SecureRandom()
        return make(length: 20, using: &rng)
    }

    /// A fresh id of `length` letters; a random node tag is one of 4.
    package static func make(length: Int, using rng: inout some RandomNumberGenerator) -> String {
        String(unsafeUninitializedCapacity: length) { target in
            IDAlphabet.fill(target[0..<length], using: &rng)
            return length
        }
    }
}

/// The system's secure random source, asked once for all that an id needs.
private struct SecureRandom: RandomNumberGenerator {
    private var drawn = RandomPool.shared.draw()
    private var count = 0

    mutating func next() -> UInt64 {
        count += 1
        switch count {
        case 1: return drawn.0
        case 2: return drawn.1
        default:
            drawn = RandomPool.shared.draw()
            count = 1
            return drawn.0
        }
    }
}
