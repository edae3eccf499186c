// Part of socketio-server, MIT licence; see LICENSE.

/// Texts in one piece of memory, for what is kept long and seldom read.
struct TextList: Sendable {
    /// Follows every text. No UTF-8 holds this byte, so no text does.
    private static let end: UInt8 = 0xFF

    private let bytes: [UInt8]

    /// All of them, in order.
    var all: [String] {
        bytes.split(separator: Self.end, omittingEmptySubsequences: false).dropLast().map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// The text at `index`; empty when there are not so many.
    subscript(index: Int) -> String {
        var rest = bytes[...]
        for _ in 0..<index {
            guard let end = rest.firstIndex(of: Self.end) else { return "" }
            rest = rest[(end + 1)...]
        }
        return String(decoding: rest.prefix { $0 != Self.end }, as: UTF8.self)
    }

    /// Gathers texts.
    struct Builder {
        private var bytes: [UInt8] = []

        /// The bytes that a text takes.
        func size(of text: String) -> Int { text.utf8.count + 1 }

        /// Makes room for all texts, so that the list is not larger than they are.
        mutating func reserve(_ size: Int) { bytes.reserveCapacity(size) }

        mutating func append(_ text: String) {
            bytes.append(contentsOf: text.utf8)
            bytes.append(TextList.end)
        }

        consuming func finish() -> TextList { TextList(bytes: bytes) }
    }
}
