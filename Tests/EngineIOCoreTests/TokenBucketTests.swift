// Part of socketio-server, MIT licence; see LICENSE.

internal import Testing

@testable internal import EngineIOCore

@Suite struct TokenBucketTests {
    private static let second: UInt64 = 1_000_000_000

    @Test(arguments: [1, 2, 7, 100, 1_000])
    func aBurstOfOneSecondAndNoMore(rate: Int) {
        var bucket = TokenBucket(perSecond: rate)
        for _ in 0..<rate { #expect(bucket.take(now: 5 * Self.second) == nil) }
        let wait = bucket.take(now: 5 * Self.second)
        #expect(wait == Self.second / UInt64(rate))
        // What was refused costs nothing.
        #expect(bucket.take(now: 5 * Self.second) == wait)
    }

    @Test func oneComesBackAfterItsInterval() {
        var bucket = TokenBucket(perSecond: 4)
        for _ in 0..<4 { #expect(bucket.take(now: 0) == nil) }
        #expect(bucket.take(now: 249_999_999) == 1)
        #expect(bucket.take(now: 250_000_000) == nil)
        #expect(bucket.take(now: 250_000_000) == 250_000_000)
    }

    @Test func aPauseFillsItOnlyOnce() {
        var bucket = TokenBucket(perSecond: 3)
        _ = bucket.take(now: 0)
        var taken = 0
        while bucket.take(now: 3_600 * Self.second) == nil { taken += 1 }
        #expect(taken == 3)
    }

    @Test func overTimeTheRateHolds() {
        var bucket = TokenBucket(perSecond: 50)
        var taken = 0
        // Ten seconds, asked a thousand times a second.
        for millisecond in 0..<10_000 where bucket.take(now: UInt64(millisecond) * 1_000_000) == nil { taken += 1 }
        #expect((500...550).contains(taken))
    }

    @Test(arguments: [Int.min, -1, 0])
    func senselessRatesCountAsOne(rate: Int) {
        var bucket = TokenBucket(perSecond: rate)
        #expect(bucket.take(now: 0) == nil)
        #expect(bucket.take(now: 0) == Self.second)
    }

    /// The last second of the clock, which nobody lives to see: nothing traps, and nobody is refused for it.
    @Test func theEndOfTimeIsNoTrap() {
        var bucket = TokenBucket(perSecond: 2)
        #expect(bucket.take(now: .max - Self.second) == nil)
        #expect(bucket.take(now: .max - Self.second) == nil)
        #expect(bucket.take(now: .max - Self.second) == Self.second / 2)
        for _ in 0..<10 { #expect(bucket.take(now: .max) == nil) }
    }
}
