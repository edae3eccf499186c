// Part of socketio-server, MIT licence; see LICENSE.

/// A list of strings in one piece of memory, for lists that are kept for a session's life and seldom read.
///
/// A string of ``CommonHeaderStrings`` takes one byte, its number. Every other string ends with a byte that UTF-8 does not use.
struct PackedStrings: Sendable {
    private static let end: UInt8 = 0xFF

    private let bytes: [UInt8]

    /// The bytes that a text takes at most.
    static func bound(of text: String) -> Int { text.utf8.count + 1 }

    /// The memory that all texts take together.
    var byteCount: Int { bytes.count }

    /// All of them, in order.
    var all: [String] {
        var texts: [String] = []
        forEach { texts.append(text(in: $0)) }
        return texts
    }

    /// The text at `index`; empty when there are not so many.
    subscript(index: Int) -> String {
        var left = index
        var found: Range<Int>?
        forEach { range in
            if left == 0 { found = range }
            left -= 1
        }
        return found.map(text) ?? ""
    }

    /// Calls `body` with the place of each text.
    private func forEach(_ body: (Range<Int>) -> Void) {
        var start = 0
        while start < bytes.count {
            if CommonHeaderStrings.isNumber(bytes[start]) {
                body(start..<(start + 1))
                start += 1
            } else {
                let end = bytes[start...].firstIndex(of: Self.end) ?? bytes.count
                body(start..<end)
                start = end + 1
            }
        }
    }

    private func text(in range: Range<Int>) -> String {
        guard let first = bytes[range].first else { return "" }
        return CommonHeaderStrings.text(first) ?? String(decoding: bytes[range], as: UTF8.self)
    }

    /// Gathers texts.
    struct Builder {
        private var bytes: [UInt8] = []

        /// Makes room for texts that take at most this many bytes, see ``PackedStrings/bound(of:)``.
        init(bound: Int) { bytes.reserveCapacity(bound) }

        mutating func append(_ text: String) {
            if let number = CommonHeaderStrings.number(of: text) { return bytes.append(number) }
            bytes.append(contentsOf: text.utf8)
            bytes.append(PackedStrings.end)
        }

        /// The list, in memory of its own size.
        consuming func finish() -> PackedStrings {
            PackedStrings(
                bytes: [UInt8](unsafeUninitializedCapacity: bytes.count) { memory, count in
                    count = memory.initialize(fromContentsOf: bytes)
                })
        }
    }
}
