// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// What members of the room have got, compared with what they were owed.
struct JitterCounts: Codable, Equatable, Sendable {
    /// Messages sent.
    var sent = 0
    /// Deliveries owed: every message to every member, whether its link was up or not.
    var owed = 0
    var arrived = 0
    var lost = 0
    var doubled = 0
    var outOfOrder = 0
    /// Links cut.
    var cuts = 0
    /// Sessions that were continued after that, those that were not, and returns to another target.
    var recovered = 0
    var notRecovered = 0
    var moved = 0
    /// The longest and the median time from the first attempt to the answer of a return, in milliseconds.
    var longestReturn = 0.0
    var medianReturn = 0.0
    /// Returns that took longer than they may.
    var lateReturns = 0

    /// The counts that make the run fail, without those that are zero.
    var faults: [(name: String, count: Int)] {
        [("lost", lost), ("doubled", doubled), ("out of order", outOfOrder), ("late returns", lateReturns)].filter {
            $0.count > 0
        }
    }
}

/// Judges the numbers that one member gets: 1, 2, 3 and so on.
struct NumberChecker {
    private var seen: [Bool] = []
    private var last = 0
    private(set) var arrived = 0
    private(set) var doubled = 0
    private(set) var outOfOrder = 0

    mutating func receive(_ number: Int) {
        guard number > 0, number <= 1 << 24 else { return }
        while seen.count < number { seen.append(false) }
        guard !seen[number - 1] else {
            doubled += 1
            return
        }
        seen[number - 1] = true
        arrived += 1
        if number < last { outOfOrder += 1 }
        last = max(last, number)
    }
}

/// The report of a jitter run.
struct JitterReport: Codable, Sendable {
    var targets: [String]
    var members: Int
    var rate: Double
    var seconds: Double
    var counts: JitterCounts
    /// Why sessions were not continued, as far as connections failed.
    var failures: [String]

    var text: String {
        let share = counts.owed == 0 ? 100 : 100 * Double(counts.arrived) / Double(counts.owed)
        func line(_ name: String, _ value: String) -> String {
            name.padding(toLength: 14, withPad: " ", startingAt: 0) + value
        }
        let number = ReportTable.number
        var lines = [
            "jitter  \(targets.joined(separator: " "))  \(number(seconds)) s, \(members) members, "
                + "\(number(rate)) messages/s",
            line(
                "deliveries",
                "\(counts.arrived) of \(counts.owed) owed arrived (\(number(share)) %), \(counts.lost) lost, "
                    + "\(counts.doubled) doubled, \(counts.outOfOrder) out of order"),
            line(
                "links",
                "\(counts.cuts) cut; \(counts.recovered) sessions recovered, \(counts.notRecovered) begun anew, "
                    + "\(counts.moved) returns to another target"),
            line("returns", "median \(number(counts.medianReturn)) ms, longest \(number(counts.longestReturn)) ms"),
        ]
        lines += failures.map { line("failed", $0) }
        lines += counts.faults.map { line("FAULT", "\($0.name): \($0.count)") }
        return lines.joined(separator: "\n")
    }
}
