// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// When to try to connect again.
///
/// The first attempt after a loss follows within a tenth of the shortest delay, which is enough to keep many nodes apart.
/// Then the delay is a tenth of the time the outage has lasted, less up to a fifth by chance, but for ten seconds at most
/// 100 ms: a server that is restarted is found within a tenth of a second. After that it is a twentieth of the outage,
/// always between the shortest and the longest. Delays count from the beginning of the attempt before, so that attempts
/// that time out add nothing. From the second of several
/// connections on that live less than twice the shortest delay one after the other, that delay doubles each time.
package struct Backoff {
    /// How long an outage counts as short, and the longest delay until then.
    private static let short = TimeAmount.seconds(10).nanoseconds
    private static let shortDelay = TimeAmount.milliseconds(100).nanoseconds

    private let minimum: Int64
    private let maximum: Int64
    private var outageBegan: NIODeadline?
    private var connectedAt: NIODeadline?
    private var attemptBegan: NIODeadline?
    private var shortLived = 0
    /// Attempts since the outage began.
    package private(set) var attempts = 0

    package init(minimum: TimeAmount, maximum: TimeAmount) {
        self.minimum = minimum.nanoseconds
        self.maximum = maximum.nanoseconds
    }

    package mutating func attemptStarted(at now: NIODeadline) {
        if outageBegan == nil { outageBegan = now }
        attemptBegan = now
        attempts += 1
    }

    package mutating func connected(at now: NIODeadline) {
        connectedAt = now
        outageBegan = nil
        attempts = 0
    }

    /// The link was lost or the attempt failed. `random` is 0..<1.
    package mutating func nextDelay(now: NIODeadline, random: Double) -> TimeAmount {
        if let connectedAt {
            self.connectedAt = nil
            outageBegan = now
            shortLived = (now - connectedAt).nanoseconds >= 2 * minimum ? 0 : min(shortLived + 1, 16)
            if shortLived <= 1 { return .nanoseconds(Int64(Double(minimum) / 10 * random)) }
            attemptBegan = now
        }
        let floor = minimum << max(0, shortLived - 2)
        let elapsed = (now - (outageBegan ?? now)).nanoseconds
        let share = elapsed < Self.short ? min(elapsed / 10, Self.shortDelay) : elapsed / 20
        let raw = min(maximum, max(floor, share))
        let delay = Int64(Double(raw) * (1 - random / 5))
        return .nanoseconds(max(0, delay - (now - (attemptBegan ?? now)).nanoseconds))
    }
}
