// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// What something costs the processor on one thread, whatever else the machine is doing.
package enum ThreadCost {
    /// Processor time of the calling thread in nanoseconds.
    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// The processor time of a call that does not suspend, in nanoseconds.
    package static func nanoseconds(_ body: () throws -> Void) rethrows -> UInt64 {
        let start = now
        try body()
        return now - start
    }

    /// How many times as much `body` costs with `costly` as with `cheap`: the least of several runs each, in turns, so that
    /// neither caches nor other work on the processor count. Stops at once when it costs out of all proportion.
    package static func ratio<Input>(
        of costly: Input, to cheap: Input, runs: Int = 5, _ body: (Input) throws -> Void
    ) rethrows -> Double {
        var least = (costly: UInt64.max, cheap: UInt64.max)
        for _ in 0..<runs {
            least.cheap = min(least.cheap, try nanoseconds { try body(cheap) })
            least.costly = min(least.costly, try nanoseconds { try body(costly) })
            if least.costly > 100 * max(least.cheap, 1_000_000) { break }
        }
        // A microsecond more or less is the clock's.
        return Double(least.costly + 1000) / Double(least.cheap + 1000)
    }
}

/// Texts for which Swift's strings are made neither to be fast nor to be exact.
package enum HostileText {
    /// So many bytes, or one less: a letter with combining marks of two classes, either in turns or all of one before
    /// all of the other, which is the worst order for whoever sorts them.
    package static func marks(bytes: Int, inTurns: Bool = false) -> String {
        let count = max(0, (bytes - 1) / 2)
        guard !inTurns else {
            return "a" + String(repeating: "\u{301}\u{323}", count: count / 2) + (count % 2 == 1 ? "\u{301}" : "")
        }
        return "a" + String(repeating: "\u{301}", count: count / 2)
            + String(repeating: "\u{323}", count: count - count / 2)
    }

    /// As many bytes of a letter that all texts are fast with.
    package static func plain(bytes: Int) -> String { String(repeating: "a", count: bytes) }

    /// Pairs of texts that are equal as strings of Swift and differ in their bytes, as they do in Node.js.
    package static let twins: [(String, String)] = [
        ("caf\u{e9}", "cafe\u{301}"),  // composed, and a letter with a mark
        ("K", "\u{212A}"),  // a letter, and the sign of a unit
        (";", "\u{37E}"),  // a semicolon, and a Greek question mark
        ("\u{AC01}", "\u{1100}\u{1161}\u{11A8}"),  // a syllable of Hangul, and its letters
        ("s\u{323}\u{307}", "s\u{307}\u{323}"),  // two marks in either order
    ]
}
