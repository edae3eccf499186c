// Part of socketio-server, MIT licence; see LICENSE.

/// What a client uses up.
package enum RateKind: String, CaseIterable, Sendable {
    /// Packets of any type; attachments belong to theirs.
    case events
    /// Bytes of messages, attachments included, without framing.
    case bytes
    /// Rooms that its sockets join.
    case joins
    /// Namespaces that it asks for.
    case connects
    /// Questions that its handlers ask of other servers.
    case questions
}

/// What a rate is counted for.
package enum RateScope: String, CaseIterable, Sendable {
    case session
    case user
    case address
}

/// So many a second, and so many in one burst after a pause.
///
/// Time is counted in nanoseconds and each charge is rounded down to them, so up to a milliard a second are exact to the
/// nanosecond.
package struct RateRule: Sendable, Hashable {
    /// What is still counted of what is over the burst, in time: nobody pays for longer than this.
    package static let maximumDebt: UInt64 = 10_000_000_000
    private static let second: UInt64 = 1_000_000_000
    /// Far from overflow when added to a clock.
    static let longest: UInt64 = 1 << 60

    package let perSecond: Int
    package let burst: Int
    /// How long the whole burst takes to come back.
    let tolerance: UInt64

    /// Values below 1 are brought to 1.
    package init(perSecond: Int, burst: Int) {
        self.perSecond = max(perSecond, 1)
        self.burst = max(burst, 1)
        tolerance = Self.cost(self.burst, perSecond: self.perSecond)
    }

    /// How long so many take to come back.
    package func cost(_ count: Int) -> UInt64 { Self.cost(count, perSecond: perSecond) }

    private static func cost(_ count: Int, perSecond: Int) -> UInt64 {
        let rate = UInt64(perSecond)
        let product = UInt64(max(count, 0)).multipliedFullWidth(by: second)
        guard product.high < rate else { return longest }
        return min(rate.dividingFullWidth((product.high, product.low)).quotient, longest)
    }

    /// The most that come back in so long: with one more, ``cost(_:)`` is over it.
    func count(in time: UInt64) -> Int {
        // Rounding as in `cost`, the other way round: (time + 1) * rate - 1. Neither is 0, and time is far from its end.
        let product = (time &+ 1).multipliedFullWidth(by: UInt64(perSecond))
        let (low, borrow) = product.low.subtractingReportingOverflow(1)
        let high = product.high &- (borrow ? 1 : 0)
        guard high < Self.second else { return .max }
        return Int(clamping: Self.second.dividingFullWidth((high, low)).quotient)
    }

    // MARK: Buckets

    // A bucket is the time at which it is full again (the generic cell rate algorithm): nothing runs in between, and one number
    // is all there is to it.

    /// What becomes of a bucket that `cost` is taken from at `now`.
    ///
    /// - Returns: when it is full again afterwards, no further than the debt allows, and for how long nothing may be taken.
    func charged(_ fullAt: UInt64, cost: UInt64, now: UInt64) -> (fullAt: UInt64, wait: UInt64) {
        let behind = (fullAt > now ? fullAt - now : 0) + cost
        guard behind > tolerance else { return (now + behind, 0) }
        let bounded = min(behind, tolerance + Self.maximumDebt)
        return (now + bounded, bounded - tolerance)
    }

    /// How many may be taken at `now`.
    func available(_ fullAt: UInt64, now: UInt64) -> Int {
        let behind = fullAt > now ? fullAt - now : 0
        return behind < tolerance ? count(in: tolerance - behind) : 0
    }
}
