// Part of socketio-server, MIT licence; see LICENSE.

/// Lets through so many per second, and as many in one burst after a pause.
///
/// The generic cell rate algorithm: instead of counting tokens it remembers when the bucket would be full again, in
/// whole nanoseconds, so nothing is rounded and nothing runs in between. Time comes in as an argument.
package struct TokenBucket: Sendable, Equatable {
    private let rate: CellRate
    private var fullAt: UInt64 = 0

    /// - Parameter perSecond: 1 to 1,000,000,000; values outside are brought inside.
    package init(perSecond: Int) { rate = CellRate(perSecond: perSecond) }

    /// Takes one, at `now` nanoseconds of a clock that does not go back.
    ///
    /// - Returns: nil when there was one, else how many nanoseconds from now there will be one.
    package mutating func take(now: UInt64) -> UInt64? { rate.take(&fullAt, now: now) }
}
