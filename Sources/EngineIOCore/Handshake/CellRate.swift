// Part of socketio-server, MIT licence; see LICENSE.

/// A rate per second with bursts of the same size after a pause: the rule of a ``TokenBucket`` without its state, for
/// owners of many buckets with one rate.
package struct CellRate: Sendable, Equatable {
    private let interval: UInt64
    private let tolerance: UInt64

    /// - Parameter perSecond: 1 to 1,000,000,000; values outside are clamped.
    package init(perSecond: Int) {
        let rate = UInt64(min(max(perSecond, 1), 1_000_000_000))
        interval = 1_000_000_000 / rate
        tolerance = (rate - 1) * interval
    }

    /// Takes one token, at `now` nanoseconds of a monotonic clock.
    ///
    /// - Parameter fullAt: when the bucket would be full again; 0 for an unused bucket. After that time the owner may
    ///   forget the bucket.
    /// - Returns: nil when there was a token, otherwise the nanoseconds until there is one.
    package func take(_ fullAt: inout UInt64, now: UInt64) -> UInt64? {
        let full = max(fullAt, now)
        let behind = full - now
        guard behind <= tolerance else { return behind - tolerance }
        fullAt = full &+ interval
        return nil
    }
}
