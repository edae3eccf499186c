// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// Remembers which messages of a sender have been seen, so that duplicates can be dropped.
///
/// ```
///   …seen or too old to tell │ the newest 1,024 numbers: seen or not │ not seen
///                            ▲                                       ▲
///                     newest - 1,024                               newest
/// ```
/// A number that is too old to tell is dropped: losing a message is better than delivering it twice.
package struct SequenceWindow: Sendable {
    package static let width: UInt64 = 1024

    private var newest: UInt64 = 0
    /// One bit for each number, at its remainder.
    private var seen = [UInt64](repeating: 0, count: Int(width) / 64)

    package init() {}

    /// Whether this number is seen for the first time.
    package mutating func insert(_ number: UInt64) -> Bool {
        if number > newest {
            if number - newest >= Self.width {
                for index in seen.indices { seen[index] = 0 }
            } else {
                var skipped = newest + 1
                while skipped < number {
                    set(skipped, to: false)
                    skipped += 1
                }
            }
            newest = number
            set(number, to: true)
            return true
        }
        guard newest - number < Self.width, !isSet(number) else { return false }
        set(number, to: true)
        return true
    }

    private func isSet(_ number: UInt64) -> Bool { seen[word(number)] & mask(number) != 0 }

    private mutating func set(_ number: UInt64, to value: Bool) {
        if value { seen[word(number)] |= mask(number) } else { seen[word(number)] &= ~mask(number) }
    }

    private func word(_ number: UInt64) -> Int { Int(truncatingIfNeeded: number % Self.width / 64) }
    private func mask(_ number: UInt64) -> UInt64 { 1 << (number % 64) }
}

/// The windows of all senders. Their number is limited; messages of further senders, which may be made up, are let
/// through as if they had no number.
package struct SequenceWindows {
    private static let maximumSenders = 4096

    private var windows: NameDictionary<SequenceWindow> = [:]

    package init() {}

    /// Whether a message is seen for the first time.
    package mutating func insert(_ number: UInt64, of sender: String) -> Bool {
        guard windows[sender] != nil || windows.count < Self.maximumSenders else { return true }
        return windows[sender, default: SequenceWindow()].insert(number)
    }

    /// Forgets a sender that has gone.
    package mutating func forget(_ sender: String) { windows[sender] = nil }
}
