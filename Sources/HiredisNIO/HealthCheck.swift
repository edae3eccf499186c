// Part of socketio-server, MIT licence; see LICENSE.

/// Tells a dead link from one that is only quiet, from what happens at each half of the ping interval.
///
/// A PING goes out each interval. When nothing at all has come for an interval after it, the link is dead; when messages come
/// but no answer, which may stand behind them in a long queue, after four.
struct HealthCheck {
    enum Step: Equatable {
        case none
        case ping
        /// Nothing has come since the last PING, half an interval ago.
        case late
        case dead(String)
    }

    private var isWaiting = false
    private var halfIntervals = 0
    private var hasReceived = true
    private(set) var isLate = false

    /// Bytes have come. Returns whether the link was late until now.
    mutating func received() -> Bool {
        hasReceived = true
        defer { isLate = false }
        return isLate
    }

    mutating func answered() { isWaiting = false }

    /// Half an interval has passed. With `ping` one is to be sent; `late` is told once.
    mutating func halfIntervalPassed() -> Step {
        halfIntervals += 1
        guard isWaiting else {
            guard halfIntervals >= 2 else { return .none }
            halfIntervals = 0
            isWaiting = true
            hasReceived = false
            return .ping
        }
        if hasReceived { return halfIntervals >= 8 ? .dead("PING was not answered, though messages came") : .none }
        if halfIntervals >= 2 { return .dead("nothing was received") }
        defer { isLate = true }
        return isLate ? .none : .late
    }
}
