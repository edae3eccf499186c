// Part of socketio-server, MIT licence; see LICENSE.

/// The query of a request target, read as `URLSearchParams` reads it: no input is an error.
///
/// The first 1,024 parameters count; the limit on the request head keeps it far from there.
package struct QueryParameters: Sendable {
    /// Every parameter in order, duplicates included.
    package let all: [(String, String)]

    private static let maximumCount = 1024

    package init() { all = [] }

    /// - Parameter target: path and query as sent.
    package init(target: String) {
        let bytes = target.utf8
        guard let mark = bytes.firstIndex(of: UInt8(ascii: "?")) else {
            all = []
            return
        }
        var query = bytes[bytes.index(after: mark)...]
        if let fragment = query.firstIndex(of: UInt8(ascii: "#")) { query = query[..<fragment] }
        var all: [(String, String)] = []
        while !query.isEmpty, all.count < Self.maximumCount {
            let end = query.firstIndex(of: UInt8(ascii: "&")) ?? query.endIndex
            let pair = query[..<end]
            query = end == query.endIndex ? query[end...] : query[query.index(after: end)...]
            guard !pair.isEmpty else { continue }
            if let equals = pair.firstIndex(of: UInt8(ascii: "=")) {
                all.append((Self.decode(pair[..<equals]), Self.decode(pair[pair.index(after: equals)...])))
            } else {
                all.append((Self.decode(pair), ""))
            }
        }
        self.all = all
    }

    /// The last value of `name`, nil when it is absent.
    package subscript(name: String) -> String? {
        all.last { $0.0 == name }?.1
    }

    /// `+` means a space; a `%` without two hex digits stands for itself; bad UTF-8 becomes U+FFFD.
    private static func decode(_ text: Substring.UTF8View) -> String {
        guard text.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
            return String(Substring(text))
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            index = text.index(after: index)
            if byte == UInt8(ascii: "+") {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%"), let (value, next) = hexPair(text, at: index) {
                bytes.append(value)
                index = next
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexPair(
        _ text: Substring.UTF8View, at index: Substring.UTF8View.Index
    ) -> (UInt8, Substring.UTF8View.Index)? {
        guard index < text.endIndex, let high = hexValue(text[index]) else { return nil }
        let second = text.index(after: index)
        guard second < text.endIndex, let low = hexValue(text[second]) else { return nil }
        return (high << 4 | low, text.index(after: second))
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
