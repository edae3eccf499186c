// Part of socketio-server, MIT licence; see LICENSE.

/// So many per second, and as many in one burst after a pause: the rule of a ``TokenBucket`` without its memory, for
/// owners of many buckets with one rate.
package struct CellRate: Sendable, Equatable {
    private let interval: UInt64
    private let tolerance: UInt64

    /// - Parameter perSecond: 1 to 1,000,000,000; values outside are brought inside.
    package init(perSecond: Int) {
        let rate = UInt64(min(max(perSecond, 1), 1_000_000_000))
        interval = 1_000_000_000 / rate
        tolerance = (rate - 1) * interval
    }

    /// Takes one, at `now` nanoseconds of a clock that does not go back.
    ///
    /// - Parameter fullAt: when the bucket would be full again; 0 for one that has never been used. When that time has
    ///   passed, nothing needs to be remembered of the bucket.
    /// - Returns: nil when there was one, else how many nanoseconds from now there will be one.
    package func take(_ fullAt: inout UInt64, now: UInt64) -> UInt64? {
        let full = max(fullAt, now)
        let behind = full - now
        guard behind <= tolerance else { return behind - tolerance }
        fullAt = full &+ interval
        return nil
    }
}
