// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// Limits how fast each person may do something, over all their devices on this server.
final class PersonRates: Sendable {
    private struct Bucket {
        var left: Double
        var time: ContinuousClock.Instant
    }

    /// The most people whose buckets are kept. Above that all buckets are dropped, so everybody starts with a full one again.
    private static let maximumPeople = 50_000

    /// What a person may do at once.
    private let burst: Double
    private let buckets = NIOLockedValueBox<NameDictionary<Bucket>>([:])

    init(burst: Double) { self.burst = burst }

    /// Takes the cost from the bucket of a person; returns how long to wait when there is not enough in it.
    func take(
        _ person: String, cost: Double = 1, perMinute: Int, now: ContinuousClock.Instant = .now
    ) -> Duration? {
        buckets.withLockedValue { buckets in
            let perSecond = Double(perMinute) / 60
            let burst = max(cost, min(burst, Double(perMinute)))
            var bucket = buckets[person] ?? Bucket(left: burst, time: now)
            let passed = (now - bucket.time) / .seconds(1)
            bucket.left = min(burst, bucket.left + passed * perSecond)
            bucket.time = now
            defer { buckets[person] = bucket }
            guard bucket.left < cost else {
                bucket.left -= cost
                if buckets.count >= Self.maximumPeople, buckets[person] == nil { buckets = [:] }
                return nil
            }
            return .seconds((cost - bucket.left) / perSecond)
        }
    }
}
