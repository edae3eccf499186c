// Part of socketio-server, MIT licence; see LICENSE.

/// A name of at most 15 bytes, as nearly every event has one, in two words: two are compared without a look at memory.
///
/// `@inlinable`, or comparing would be a call through a table in other modules.
@usableFromInline
package struct ShortName: Hashable, Sendable {
    @usableFromInline
    var first: UInt64 = 0
    /// The last seven bytes, and the length on top.
    @usableFromInline
    var second: UInt64

    /// Nil when it is too long.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= 15 else { return nil }
        second = UInt64(bytes.count) << 56
        for index in 0..<min(bytes.count, 8) { first |= UInt64(bytes[index]) << UInt64(8 * index) }
        guard bytes.count > 8 else { return }
        for index in 8..<bytes.count { second |= UInt64(bytes[index]) << UInt64(8 * (index - 8)) }
    }

    /// Nil when it is too long.
    package init?(_ name: String) {
        var name = name
        guard let short = name.withUTF8({ ShortName(UnsafeRawBufferPointer($0)) }) else { return nil }
        self = short
    }

    @inlinable
    package static func == (one: ShortName, other: ShortName) -> Bool {
        one.first == other.first && one.second == other.second
    }

    /// Whether one of the bytes is a backslash.
    var hasBackslash: Bool { Self.hasBackslash(first) || Self.hasBackslash(second) }

    /// A length is no backslash, and neither is a place that is not in use.
    private static func hasBackslash(_ word: UInt64) -> Bool {
        let difference = word ^ 0x5C5C_5C5C_5C5C_5C5C
        return (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080 != 0
    }
}
