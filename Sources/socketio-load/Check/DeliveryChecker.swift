// Part of socketio-server, MIT licence; see LICENSE.

/// Finds out whether every message arrived once and in the order it was sent.
///
/// One slot per pair of receiver and publisher. In the normal case a delivery is one comparison; what is missing is kept
/// as ranges, so that a late message can be told from a doubled one.
struct DeliveryChecker {
    enum Verdict: Equatable {
        /// The next one, or one after a gap.
        case new
        /// Skipped before, arriving now.
        case outOfOrder
        /// Arrived already.
        case doubled
        /// Too far ahead to be true.
        case implausible
    }

    /// The greatest gap taken for a loss; a longer one is a damaged number.
    static let greatestGap: UInt32 = 1 << 24

    private var expected: [UInt32] = []
    private var missing: [Int: [Range<UInt32>]] = [:]

    /// Adds `count` slots; returns the first.
    mutating func reserve(_ count: Int) -> Int {
        expected.append(contentsOf: repeatElement(0, count: count))
        return expected.count - count
    }

    /// Judges one delivery.
    mutating func receive(_ sequence: UInt32, slot: Int) -> Verdict {
        let next = expected[slot]
        if sequence == next {
            expected[slot] = next &+ 1
            return .new
        }
        if sequence > next {
            guard sequence - next < Self.greatestGap else { return .implausible }
            missing[slot, default: []].append(next..<sequence)
            expected[slot] = sequence &+ 1
            return .new
        }
        return fill(sequence, slot: slot) ? .outOfOrder : .doubled
    }

    /// How many of `sent` messages never came.
    func lost(slot: Int, sent: UInt32) -> Int {
        let tail = sent > expected[slot] ? Int(sent - expected[slot]) : 0
        return tail + (missing[slot] ?? []).reduce(0) { $0 + $1.count }
    }

    private mutating func fill(_ sequence: UInt32, slot: Int) -> Bool {
        guard var ranges = missing[slot], let index = ranges.firstIndex(where: { $0.contains(sequence) }) else {
            return false
        }
        let range = ranges[index]
        let parts = [range.lowerBound..<sequence, sequence + 1..<range.upperBound].filter { !$0.isEmpty }
        ranges.replaceSubrange(index...index, with: parts)
        missing[slot] = ranges.isEmpty ? nil : ranges
        return true
    }
}
