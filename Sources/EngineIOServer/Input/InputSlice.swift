// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Limits how much of one client's input the loop handles before the other clients get their turn, since one read may
/// return thousands of small messages.
///
/// A value for one slice. It does not read the clock for the first few messages, which is all that most reads contain,
/// and then reads it once for every ``step`` messages.
struct InputSlice {
    /// Messages that are handled before the clock is read for the first time.
    static let untimed = 4
    /// Messages between two readings of the clock.
    static let step = 8
    /// How long a slice may take from the first reading of the clock. A slice exceeds it by at most ``step`` messages.
    static let budget = TimeAmount.microseconds(500)

    private var left = InputSlice.untimed
    private var end: NIODeadline?

    /// Counts a handled message. Returns whether it was the last one of the slice.
    @inline(__always)
    mutating func isOver(now: @autoclosure () -> NIODeadline) -> Bool {
        left &-= 1
        return left <= 0 && isOver(at: now())
    }

    private mutating func isOver(at now: NIODeadline) -> Bool {
        left = Self.step
        guard let end else {
            self.end = now + Self.budget
            return false
        }
        return now >= end
    }
}
