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
        var target = target
        all = target.withUTF8 { Self.parse(UnsafeRawBufferPointer($0)) }
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> [(String, String)] {
        guard let mark = bytes.firstIndex(of: UInt8(ascii: "?")) else { return [] }
        var all: [(String, String)] = []
        all.reserveCapacity(6)
        var start = mark + 1
        var pair = Pair(start: start)
        for index in start..<bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "="):
                if pair.equals == nil { pair.equals = index }
            case UInt8(ascii: "%"), UInt8(ascii: "+"):
                pair.isEncoded = true
            case UInt8(ascii: "&"), UInt8(ascii: "#"):
                pair.append(from: bytes, until: index, to: &all)
                guard bytes[index] == UInt8(ascii: "&"), all.count < maximumCount else { return all }
                start = index + 1
                pair = Pair(start: start)
            default:
                break
            }
        }
        pair.append(from: bytes, until: bytes.count, to: &all)
        return all
    }

    /// One parameter as far as it has been seen.
    private struct Pair {
        let start: Int
        /// Where the name ends.
        var equals: Int?
        /// Whether anything in it stands for something else.
        var isEncoded = false

        init(start: Int) { self.start = start }

        func append(from bytes: UnsafeRawBufferPointer, until end: Int, to all: inout [(String, String)]) {
            guard end > start else { return }
            let name = UnsafeRawBufferPointer(rebasing: bytes[start..<(equals ?? end)])
            let value = UnsafeRawBufferPointer(rebasing: bytes[(equals.map { $0 + 1 } ?? end)..<end])
            all.append((text(name), text(value)))
        }

        private func text(_ bytes: UnsafeRawBufferPointer) -> String {
            isEncoded ? QueryParameters.decode(bytes) : String(decoding: bytes, as: UTF8.self)
        }
    }

    /// The last value of `name`, nil when it is absent.
    package subscript(name: String) -> String? {
        all.last { $0.0 == name }?.1
    }

    /// `+` means a space; a `%` without two hex digits stands for itself; bad UTF-8 becomes U+FFFD.
    private static func decode(_ text: UnsafeRawBufferPointer) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte == UInt8(ascii: "+") {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%"), let value = hexPair(text, at: index) {
                bytes.append(value)
                index += 2
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexPair(_ text: UnsafeRawBufferPointer, at index: Int) -> UInt8? {
        guard index + 1 < text.count, let high = hexValue(text[index]), let low = hexValue(text[index + 1]) else {
            return nil
        }
        return high << 4 | low
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
