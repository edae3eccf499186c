// Part of socketio-server, MIT licence; see LICENSE.

/// Where the elements of a JSON array lie in its text.
///
/// Most packets have an event name and at most three arguments; those ranges are held without an allocation.
package struct ElementRanges: Sendable, Equatable, RandomAccessCollection {
    // Each entry is `start << 32 | end`.
    private var first: UInt64 = 0
    private var second: UInt64 = 0
    private var third: UInt64 = 0
    private var fourth: UInt64 = 0
    /// Nil rather than empty: counting the references of an empty array costs as much as of any other.
    private var rest: [UInt64]?
    package private(set) var count = 0

    package init() {}

    package var startIndex: Int { 0 }
    package var endIndex: Int { count }

    /// Byte range of the element at `position`, without surrounding white space.
    package subscript(position: Int) -> Range<Int> {
        let packed = packed(at: position)
        // Both halves come from `append`, which takes a range: start <= end.
        return Range(uncheckedBounds: (Int(packed >> 32), Int(packed & 0xFFFF_FFFF)))
    }

    /// Adds an element. Offsets are below 2^32: the scanner refuses longer texts.
    @inline(__always)
    mutating func append(start: Int, end: Int) {
        let packed = UInt64(truncatingIfNeeded: start) << 32 | UInt64(truncatingIfNeeded: end)
        switch count {
        case 0: first = packed
        case 1: second = packed
        case 2: third = packed
        case 3: fourth = packed
        case 4: rest = [packed]
        default: rest?.append(packed)
        }
        count &+= 1
    }

    private func packed(at position: Int) -> UInt64 {
        precondition(position >= 0 && position < count, "element index out of range")
        switch position {
        case 0: return first
        case 1: return second
        case 2: return third
        case 3: return fourth
        default: return rest?[position - 4] ?? 0
        }
    }
}
