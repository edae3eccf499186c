// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// Limits how fast each person, or everybody at one address, may do something on this server.
final class RateTable: Sendable {
    private struct Bucket {
        var left: Double
        var time: ContinuousClock.Instant
        /// When it is full, and as good as none.
        var end: ContinuousClock.Instant
    }

    private struct State {
        var buckets: NameDictionary<Bucket> = [:]
        /// With so many buckets, those that are full are dropped.
        var limit = RateTable.leastKeys
    }

    private static let leastKeys = 256
    /// The most keys whose buckets are kept. Above that all buckets are dropped, so everybody starts with a full one again.
    private static let maximumKeys = 50_000

    private let state = NIOLockedValueBox(State())

    /// How many keys have a bucket.
    var count: Int { state.withLockedValue { $0.buckets.count } }

    /// Takes the cost from the bucket of a person or an address; returns how long to wait when there is not enough in it.
    ///
    /// - Parameters:
    ///   - perSecond: how fast it fills; one of 0 takes years.
    ///   - burst: what a full bucket has.
    func take(
        _ key: String, cost: Double, perSecond: Double, burst: Double, now: ContinuousClock.Instant = .now
    ) -> Duration? {
        // An infinite time is no `Duration`: making one ends the process.
        let perSecond = max(perSecond, 0.000_001)
        return state.withLockedValue { state in
            let burst = max(cost, burst)
            let known = state.buckets[key]
            if known == nil, state.buckets.count >= state.limit { Self.makeRoom(&state, now) }
            var bucket = known ?? Bucket(left: burst, time: now, end: now)
            let passed = (now - bucket.time) / .seconds(1)
            bucket.left = min(burst, bucket.left + passed * perSecond)
            bucket.time = now
            defer {
                bucket.end = now + .seconds((burst - bucket.left) / perSecond)
                state.buckets[key] = bucket
            }
            guard bucket.left < cost else {
                bucket.left -= cost
                return nil
            }
            return .seconds((cost - bucket.left) / perSecond)
        }
    }

    private static func makeRoom(_ state: inout State, _ now: ContinuousClock.Instant) {
        state.buckets = NameDictionary(state.buckets.filter { $0.value.end > now }.map { ($0.key, $0.value) }) { $1 }
        if state.buckets.count >= maximumKeys { state.buckets = [:] }
        // Half as many may come before it looks again.
        state.limit = min(maximumKeys, max(leastKeys, 2 * state.buckets.count))
    }
}
