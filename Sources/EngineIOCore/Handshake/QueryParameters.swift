// Part of socketio-server, MIT licence; see LICENSE.

/// The query of a request target, read as `URLSearchParams` reads it: no input is an error.
///
/// Nothing is taken apart ahead: a request asks for two or three parameters, and each look-up goes through the text. The first
/// 1,024 parameters count; the limit on the request head keeps it far from there.
package struct QueryParameters: Sendable {
    private static let maximumCount = 1024

    private let target: String

    package init() { target = "" }

    /// - Parameter target: path and query as sent.
    package init(target: String) { self.target = target }

    /// Every parameter in order, duplicates included.
    package var all: [(String, String)] {
        withPairs { pairs in
            var all: [(String, String)] = []
            while let pair = pairs.next() { all.append((pairs.text(pair.name), pairs.text(pair.value))) }
            return all
        }
    }

    /// The last value of `name`, nil when it is absent.
    package subscript(name: StaticString) -> String? {
        withValues(of: name, name) { value, _ in value.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// Calls `body` with the last values of two parameters, found in one go. When both are the same one, the second is nil.
    func withValues<Result>(
        of first: StaticString, _ second: StaticString,
        _ body: (UnsafeRawBufferPointer?, UnsafeRawBufferPointer?) -> Result
    ) -> Result {
        withPairs { pairs in
            var values: (first: UnsafeRawBufferPointer?, second: UnsafeRawBufferPointer?)
            while let pair = pairs.next() {
                if pairs.isName(pair.name, first) {
                    values.first = pair.value
                } else if pairs.isName(pair.name, second) {
                    values.second = pair.value
                }
            }
            guard pairs.isEncoded else { return body(values.first, values.second) }
            return Self.withDecoded(values.first) { first in Self.withDecoded(values.second) { body(first, $0) } }
        }
    }

    private static func withDecoded<Result>(
        _ bytes: UnsafeRawBufferPointer?, _ body: (UnsafeRawBufferPointer?) -> Result
    ) -> Result {
        guard let bytes else { return body(nil) }
        var text = decode(bytes)
        return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }

    private func withPairs<Result>(_ body: (inout Pairs) -> Result) -> Result {
        var target = target
        return target.withUTF8 { bytes in
            var pairs = Pairs(UnsafeRawBufferPointer(bytes))
            return body(&pairs)
        }
    }

    /// The parameters one after the other, as they were sent.
    private struct Pairs {
        private let bytes: UnsafeRawBufferPointer
        /// Whether anything may stand for something else. In requests of our clients nothing does.
        let isEncoded: Bool
        private var position: Int
        private var count = 0

        init(_ bytes: UnsafeRawBufferPointer) {
            self.bytes = bytes
            isEncoded = Self.hasByte(UInt8(ascii: "%"), or: UInt8(ascii: "+"), in: bytes)
            position = bytes.firstIndex(of: UInt8(ascii: "?")).map { $0 + 1 } ?? bytes.count
        }

        mutating func next() -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
            while position < bytes.count, count < QueryParameters.maximumCount {
                let start = position
                var equals = start
                while equals < bytes.count, bytes[equals] != UInt8(ascii: "="), !Self.endsPair(bytes[equals]) {
                    equals += 1
                }
                let end = Self.end(from: equals, in: bytes)
                // Behind a fragment nothing counts.
                position = end < bytes.count && bytes[end] == UInt8(ascii: "#") ? bytes.count : end + 1
                guard end > start else { continue }
                count += 1
                return (
                    UnsafeRawBufferPointer(rebasing: bytes[start..<equals]),
                    UnsafeRawBufferPointer(rebasing: bytes[min(equals + 1, end)..<end])
                )
            }
            return nil
        }

        /// Whether `bytes` stand for `name`.
        func isName(_ bytes: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
            guard isEncoded else { return bytes.equals(name) }
            return QueryParameters.withDecoded(bytes) { $0?.equals(name) ?? false }
        }

        func text(_ bytes: UnsafeRawBufferPointer) -> String {
            isEncoded ? QueryParameters.decode(bytes) : String(decoding: bytes, as: UTF8.self)
        }

        @inline(__always)
        private static func endsPair(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "&") || byte == UInt8(ascii: "#") }

        /// Where the pair ends that `start` is in. Looks at eight bytes at a time.
        private static func end(from start: Int, in bytes: UnsafeRawBufferPointer) -> Int {
            var index = start
            while index + 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
                let found = zeros(word, UInt8(ascii: "&")) | zeros(word, UInt8(ascii: "#"))
                // The lowest bit is right: only above a match a borrow makes others.
                if found != 0 { return index + found.trailingZeroBitCount / 8 }
                index += 8
            }
            while index < bytes.count, !endsPair(bytes[index]) { index += 1 }
            return index
        }

        /// Looks at eight bytes at a time.
        private static func hasByte(_ one: UInt8, or other: UInt8, in bytes: UnsafeRawBufferPointer) -> Bool {
            var index = 0
            while index + 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                if (zeros(word, one) | zeros(word, other)) != 0 { return true }
                index += 8
            }
            return bytes[index...].contains { $0 == one || $0 == other }
        }

        /// Not zero if one of the bytes of `word` is `byte`.
        @inline(__always)
        private static func zeros(_ word: UInt64, _ byte: UInt8) -> UInt64 {
            let difference = word ^ UInt64(byte) &* 0x0101_0101_0101_0101
            return (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
        }
    }

    /// `+` means a space; a `%` without two hex digits stands for itself; bad UTF-8 becomes U+FFFD.
    private static func decode(_ text: UnsafeRawBufferPointer) -> String {
        String(decoding: PercentCoding.decoded(text, isForm: true), as: UTF8.self)
    }
}

extension UnsafeRawBufferPointer {
    /// Whether these are the bytes of a text.
    func equals(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard count == length else { return false }
        return hasSameBytes(as: UnsafeRawBufferPointer(start: text.utf8Start, count: length))
    }
}
