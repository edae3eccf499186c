// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

// Functions on header names and values as bytes, which is much cheaper than comparing strings.
extension UnsafeRawBufferPointer {
    /// Compares ASCII letters without regard to case; `other` must be in lower case.
    @inlinable
    package func equalsIgnoringCase(_ other: StaticString) -> Bool {
        guard count == other.utf8CodeUnitCount else { return false }
        let expected = other.utf8Start
        for index in 0..<count {
            let byte = self[index]
            let isCapital = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            if (isCapital ? byte | 0x20 : byte) != expected[index] { return false }
        }
        return true
    }

    /// Whether a comma-separated list has this element. Blanks, letter case and a `/version` are ignored; `element`
    /// must be in lower case.
    package func listContains(_ element: StaticString) -> Bool {
        var start = 0
        while start < count {
            let end = firstOffset(of: UInt8(ascii: ","), from: start) ?? count
            var first = start
            while first < end, Self.isBlank(self[first]) { first += 1 }
            var last = first
            while last < end, self[last] != UInt8(ascii: "/") { last += 1 }
            while last > first, Self.isBlank(self[last - 1]) { last -= 1 }
            if UnsafeRawBufferPointer(rebasing: self[first..<last]).equalsIgnoringCase(element) { return true }
            start = end + 1
        }
        return false
    }

    /// The offset of the first `byte` at or after `start`; nil when there is none.
    package func firstOffset(of byte: UInt8, from start: Int = 0) -> Int? {
        guard start < count, let base = baseAddress else { return nil }
        return memchr(base + start, CInt(byte), count - start).map { base.distance(to: UnsafeRawPointer($0)) }
    }

    /// Whether these bytes equal those of `other`.
    package func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard let base = baseAddress, let otherBase = other.baseAddress else { return true }
        return memcmp(base, otherBase, count) == 0
    }

    /// Whether these bytes begin with `start`.
    package func begins(with start: [UInt8]) -> Bool {
        guard count >= start.count else { return false }
        return start.withUnsafeBytes { UnsafeRawBufferPointer(rebasing: self[..<start.count]).equals($0) }
    }

    /// Whether these bytes contain `needle`.
    package func contains(_ needle: StaticString) -> Bool {
        needle.withUTF8Buffer { text in
            let needle = UnsafeRawBufferPointer(text)
            guard let first = needle.first else { return true }
            var start = 0
            while let found = firstOffset(of: first, from: start), count - found >= needle.count {
                let candidate = UnsafeRawBufferPointer(rebasing: self[found..<(found + needle.count)])
                if candidate.equals(needle) { return true }
                start = found + 1
            }
            return false
        }
    }

    /// These bytes without spaces and tabs at both ends.
    package var trimmed: UnsafeRawBufferPointer {
        var start = 0
        var end = count
        while start < end, Self.isBlank(self[start]) { start += 1 }
        while end > start, Self.isBlank(self[end - 1]) { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: self[start..<end])
    }

    package static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

extension String {
    /// Compares ASCII letters without regard to case; `other` must be in lower case.
    @inlinable
    package func equalsIgnoringCase(_ other: StaticString) -> Bool {
        guard utf8.count == other.utf8CodeUnitCount else { return false }
        return withBytes { $0.equalsIgnoringCase(other) }
    }

    @inlinable
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var text = self
        return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}

extension Substring {
    /// Compares ASCII letters without regard to case; `other` must be in lower case.
    package func equalsIgnoringCase(_ other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        return zip(utf8, other.utf8).allSatisfy { mine, theirs in
            (mine >= UInt8(ascii: "A") && mine <= UInt8(ascii: "Z") ? mine | 0x20 : mine) == theirs
        }
    }
}
