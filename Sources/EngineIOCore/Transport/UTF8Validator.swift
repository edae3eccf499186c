// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Checks UTF-8 that arrives in pieces, and refuses it at the first byte that cannot be right (RFC 3629, section 4).
@usableFromInline
package struct UTF8Validator: Sendable, Equatable {
    /// Continuation bytes still missing from the current scalar.
    private var missing: UInt8 = 0
    /// The range the next continuation byte must lie in; narrower than 80…BF after E0, ED, F0 and F4.
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xBF

    package init() {}

    /// Whether the bytes so far end between two scalars.
    package var isComplete: Bool { missing == 0 }

    /// Takes the next piece; false means that no continuation can make it valid.
    package mutating func consume(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while true {
            if missing == 0 { index = Self.skipWords(bytes, from: index) }
            guard index < bytes.count else { return true }
            guard consume(bytes[index]) else { return false }
            index += 1
        }
    }

    private mutating func consume(_ byte: UInt8) -> Bool {
        if missing > 0 {
            guard lower <= byte, byte <= upper else { return false }
            missing -= 1
            lower = 0x80
            upper = 0xBF
            return true
        }
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: missing = 1
        case 0xE0...0xEF:
            missing = 2
            if byte == 0xE0 { lower = 0xA0 } else if byte == 0xED { upper = 0x9F }
        case 0xF0...0xF4:
            missing = 3
            if byte == 0xF0 { lower = 0x90 } else if byte == 0xF4 { upper = 0x8F }
        default: return false
        }
        return true
    }

    /// Skips ASCII and two-byte characters, eight bytes at a time; returns the position of the first other byte, or of
    /// the end of ASCII.
    private static func skipWords(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        let lastWord = bytes.count &- 8
        while index <= lastWord {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
            let high = word & 0x8080_8080_8080_8080
            if high == 0 {
                index &+= 8
            } else if high & 0x80 == 0 {
                index &+= high.trailingZeroBitCount / 8
                // The beginning of three or four bytes.
                if bytes[index] >= 0xE0 { return index }
            } else if isFourPairs(word) {
                index &+= 8
            } else {
                return index
            }
        }
        while index < bytes.count, bytes[index] < 0x80 { index &+= 1 }
        return index
    }

    /// Whether eight bytes, the first one lowest, are four characters of two bytes each: most letters with accents,
    /// combining marks, Greek, Cyrillic, Hebrew and Arabic.
    @inlinable
    @inline(__always)
    package static func isFourPairs(_ word: UInt64) -> Bool {
        // Each pair must be 110xxxxx 10xxxxxx; C0 and C1 would be overlong encodings of ASCII.
        let leads = word & 0x001E_001E_001E_001E
        return word & 0xC0E0_C0E0_C0E0_C0E0 == 0x80C0_80C0_80C0_80C0
            && (leads &+ 0x7FFF_7FFF_7FFF_7FFF) & 0x8000_8000_8000_8000 == 0x8000_8000_8000_8000
    }

    /// Whether all of `bytes` is valid UTF-8.
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var validator = UTF8Validator()
        return validator.consume(bytes) && validator.isComplete
    }

    /// Whether the readable bytes are valid UTF-8.
    package static func isValid(_ buffer: ByteBuffer) -> Bool {
        buffer.withUnsafeReadableBytes { isValid($0) }
    }
}
