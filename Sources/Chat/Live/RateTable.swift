// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// Limits how fast each person, or everybody at one address, may do something on this server.
final class RateTable: Sendable {
    private struct Bucket {
        var left: Double
        var time: ContinuousClock.Instant
    }

    /// The most keys whose buckets are kept. Above that all buckets are dropped, so everybody starts with a full one again.
    private static let maximumKeys = 50_000

    private let buckets = NIOLockedValueBox<NameDictionary<Bucket>>([:])

    /// Takes the cost from the bucket of a person or an address; returns how long to wait when there is not enough in it.
    ///
    /// - Parameter burst: what a full bucket has.
    func take(
        _ key: String, cost: Double, perSecond: Double, burst: Double, now: ContinuousClock.Instant = .now
    ) -> Duration? {
        buckets.withLockedValue { buckets in
            let burst = max(cost, burst)
            let known = buckets[key]
            if known == nil, buckets.count >= Self.maximumKeys { buckets = [:] }
            var bucket = known ?? Bucket(left: burst, time: now)
            let passed = (now - bucket.time) / .seconds(1)
            bucket.left = min(burst, bucket.left + passed * perSecond)
            bucket.time = now
            defer { buckets[key] = bucket }
            guard bucket.left < cost else {
                bucket.left -= cost
                return nil
            }
            return .seconds((cost - bucket.left) / perSecond)
        }
    }
}
