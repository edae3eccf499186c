// Part of socketio-server, MIT licence; see LICENSE.

/// The kinds of use that rates limit.
package enum RateKind: String, CaseIterable, Sendable {
    /// Packets of any type; attachments belong to their packet.
    case events
    /// Bytes of messages, attachments included, without framing.
    case bytes
    /// Rooms that its sockets join.
    case joins
    /// CONNECT packets, whether accepted or not.
    case connects
    /// Requests that its handlers send to other servers.
    case questions
}

/// The scopes in which a rate is counted.
package enum RateScope: String, CaseIterable, Sendable {
    case session
    case user
    case address
}

/// A rate per second, and the size of a burst after a pause.
///
/// Times are in nanoseconds, and each charge is rounded down to a nanosecond, so rates up to 10^9 per second are exact
/// to the nanosecond.
package struct RateRule: Sendable, Hashable {
    /// The largest debt, as a time: a client never pays for longer than this.
    package static let maximumDebt: UInt64 = 10_000_000_000
    private static let second: UInt64 = 1_000_000_000
    /// Far from overflow when added to a clock.
    static let longest: UInt64 = 1 << 60

    package let perSecond: Int
    package let burst: Int
    /// How long the whole burst takes to refill.
    let tolerance: UInt64

    /// Values below 1 become 1.
    package init(perSecond: Int, burst: Int) {
        self.perSecond = max(perSecond, 1)
        self.burst = max(burst, 1)
        tolerance = Self.cost(self.burst, perSecond: self.perSecond)
    }

    /// How long this many units take to refill.
    package func cost(_ count: Int) -> UInt64 { Self.cost(count, perSecond: perSecond) }

    private static func cost(_ count: Int, perSecond: Int) -> UInt64 {
        let rate = UInt64(perSecond)
        let product = UInt64(max(count, 0)).multipliedFullWidth(by: second)
        guard product.high < rate else { return longest }
        return min(rate.dividingFullWidth((product.high, product.low)).quotient, longest)
    }

    /// The most units that refill in this time: with one more, ``cost(_:)`` exceeds it.
    func count(in time: UInt64) -> Int {
        // The inverse of the rounding in `cost`: (time + 1) * rate - 1. Neither factor is 0, and time is far from
        // overflow.
        let product = (time &+ 1).multipliedFullWidth(by: UInt64(perSecond))
        let (low, borrow) = product.low.subtractingReportingOverflow(1)
        let high = product.high &- (borrow ? 1 : 0)
        guard high < Self.second else { return .max }
        return Int(clamping: Self.second.dividingFullWidth((high, low)).quotient)
    }

    // MARK: Buckets

    // A bucket is the time at which it is full again (the generic cell rate algorithm): it needs no timer, and one
    // number is its whole state.

    /// Takes `cost` from a bucket at `now`.
    ///
    /// - Returns: when the bucket is full again, limited by the largest debt, and how long nothing more may be taken.
    func charged(_ fullAt: UInt64, cost: UInt64, now: UInt64) -> (fullAt: UInt64, wait: UInt64) {
        let behind = (fullAt > now ? fullAt - now : 0) + cost
        guard behind > tolerance else { return (now + behind, 0) }
        let bounded = min(behind, tolerance + Self.maximumDebt)
        return (now + bounded, bounded - tolerance)
    }

    /// How many units may be taken at `now`.
    func available(_ fullAt: UInt64, now: UInt64) -> Int {
        let behind = fullAt > now ? fullAt - now : 0
        return behind < tolerance ? count(in: tolerance - behind) : 0
    }
}
