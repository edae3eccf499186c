// Part of socketio-server, MIT licence; see LICENSE.

/// Finds a text in others, ignoring the case of ASCII letters. A search takes linear time for every input (Knuth, Morris and
/// Pratt).
struct SearchPattern: Sendable {
    private let bytes: [UInt8]
    /// For each index `n`, the length of the longest beginning of the pattern that the first `n + 1` bytes end with, without
    /// being all of them.
    private let fallback: [Int]

    init(_ text: String) {
        let bytes = text.utf8.map(Self.caseFolded)
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

    private static func caseFolded(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
    }

    func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { matches(UnsafeRawBufferPointer($0)) }
    }

    func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        guard !bytes.isEmpty else { return false }
        return bytes.withUnsafeBufferPointer { bytes in
            var matched = 0
            for byte in text {
                let byte = Self.caseFolded(byte)
                while matched > 0, byte != bytes[matched] { matched = fallback[matched - 1] }
                if byte == bytes[matched] { matched += 1 }
                if matched == bytes.count { return true }
            }
            return false
        }
    }
}
