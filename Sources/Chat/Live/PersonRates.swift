// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// How fast people may talk, each with all their devices on this server.
final class PersonRates: Sendable {
    private struct Bucket {
        var left: Double
        var time: ContinuousClock.Instant
    }

    /// What a person may do at once.
    static let burst = 30.0
    /// People that are remembered; those who have not said anything for longest are forgotten, which gives them a full
    /// bucket.
    private static let maximumPeople = 50_000

    private let buckets = NIOLockedValueBox<NameDictionary<Bucket>>([:])

    /// Takes one message from the bucket of a person; returns how long to wait when there is none.
    func take(_ person: String, perMinute: Int, now: ContinuousClock.Instant = .now) -> Duration? {
        buckets.withLockedValue { buckets in
            let perSecond = Double(perMinute) / 60
            let burst = min(Self.burst, max(1, Double(perMinute)))
            var bucket = buckets[person] ?? Bucket(left: burst, time: now)
            let passed = (now - bucket.time) / .seconds(1)
            bucket.left = min(burst, bucket.left + passed * perSecond)
            bucket.time = now
            defer { buckets[person] = bucket }
            guard bucket.left < 1 else {
                bucket.left -= 1
                if buckets.count >= Self.maximumPeople, buckets[person] == nil { buckets = [:] }
                return nil
            }
            return .seconds((1 - bucket.left) / perSecond)
        }
    }
}
