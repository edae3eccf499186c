// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// How much of one client's input is looked at before the others of the loop have their turn: one read may hold thousands of
/// small messages.
///
/// A value for one go. The clock is not asked for the first few messages, which is all that a read mostly has, and then once
/// for every ``step`` of them.
struct InputSlice {
    /// Messages that are looked at before the clock is asked for the first time.
    static let untimed = 4
    /// Messages between two looks at the clock.
    static let step = 8
    /// How long a slice may take from the first look on. A slice goes over it by ``step`` messages at most.
    static let budget = TimeAmount.microseconds(500)

    private var left = InputSlice.untimed
    private var end: NIODeadline?

    /// A message has been looked at. Returns whether it was the last one of the slice.
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
