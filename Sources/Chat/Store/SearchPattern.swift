// Part of socketio-server, MIT licence; see LICENSE.

/// A text to look for; ASCII letters match in either case. Takes time in proportion to the text that it is looked for in, whatever
/// the two are (Knuth, Morris and Pratt).
struct SearchPattern: Sendable {
    private let bytes: [UInt8]
    /// How much of the beginning is matched still when the byte behind the first `n + 1` does not match.
    private let fallback: [Int]

    init(_ text: String) {
        let bytes = text.utf8.map(Self.small)
        var fallback = [Int](repeating: 0, count: bytes.count)
        var length = 0
        for index in bytes.indices.dropFirst() {
            while length > 0, bytes[index] != bytes[length] { length = fallback[length - 1] }
            if bytes[index] == bytes[length] { length += 1 }
            fallback[index] = length
        }
        self.bytes = bytes
        self.fallback = fallback
    }

    private static func small(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
    }

    func matches(_ text: String) -> Bool {
        guard !bytes.isEmpty else { return false }
        var matched = 0
        for byte in text.utf8 {
            let byte = Self.small(byte)
            while matched > 0, byte != bytes[matched] { matched = fallback[matched - 1] }
            if byte == bytes[matched] { matched += 1 }
            if matched == bytes.count { return true }
        }
        return false
    }
}
