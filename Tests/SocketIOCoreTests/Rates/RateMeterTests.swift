// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore
internal import Testing

/// A client as the server has it: counts down what was granted, settles, and does what it is told. The clock is ours.
private struct Driven {
    let meter: RateMeter
    var granted: RateGrant
    var left: RateGrant
    /// How often somebody looked at the buckets.
    var looks = 0

    init(_ policy: RatePolicy, user: RateAccount? = nil, address: RateAccount? = nil) {
        meter = RateMeter(policy, user: user, address: address)
        granted = policy.step
        left = granted
    }

    /// A packet comes. Returns what it is over.
    mutating func packet(bytes: Int32 = 10, at now: UInt64) -> RateExcess? {
        left.bytes -= bytes
        left.events -= 1
        guard left.events < 0 || left.bytes < 0 else { return nil }
        looks += 1
        let excess = meter.settle(
            passedEvents: Int(granted.events) - Int(left.events) - 1,
            passedBytes: Int(granted.bytes) - Int(left.bytes) - Int(bytes), bytes: Int(bytes), isDroppable: true,
            now: now)
        granted = meter.grant(now: now)
        left = granted
        return excess
    }

    /// How many packets pass at this moment before one is over the rate.
    mutating func passing(at now: UInt64, bytes: Int32 = 10) -> Int {
        for count in 0..<1_000_000 where packet(bytes: bytes, at: now) != nil { return count }
        return .max
    }
}

@Suite struct RateMeterTests {
    private static let second: UInt64 = 1_000_000_000

    private static func policy(
        events: RateRule? = nil, bytes: RateRule? = nil, joins: RateRule? = nil, user: RateRule? = nil,
        address: RateRule? = nil, action: RateAction = .drop
    ) -> RatePolicy {
        var (session, ofUser, ofAddress) = (RateRules(), RateRules(), RateRules())
        session.events = events
        session.bytes = bytes
        session.joins = joins
        ofUser.events = user
        ofAddress.events = address
        return RatePolicy(session: session, user: ofUser, address: ofAddress, action: action)
    }

    @Test(arguments: [(1, 1), (1, 2), (7, 3), (10, 10), (100, 500), (500, 2500), (999, 64), (1_000_000, 4_000)])
    func exactlyTheBurstPassesAtOnce(perSecond: Int, burst: Int) {
        var client = Driven(Self.policy(events: RateRule(perSecond: perSecond, burst: burst)))
        #expect(client.passing(at: 5 * Self.second) == burst)
    }

    @Test(arguments: [(1, 1), (10, 10), (500, 2500)])
    func exactlyTheRateComesBack(perSecond: Int, burst: Int) {
        var client = Driven(Self.policy(events: RateRule(perSecond: perSecond, burst: burst)))
        #expect(client.passing(at: Self.second) == burst)
        // One comes back in its time, and not a nanosecond before.
        let interval = Self.second / UInt64(perSecond)
        #expect(client.passing(at: Self.second + interval - 1) == 0)
        #expect(client.passing(at: Self.second + interval) == 1)
        // Never more than the burst.
        #expect(client.passing(at: 1_000_000 * Self.second) == burst)
    }

    @Test func whoKeepsToTheRateIsNeverHeldBack() {
        for perSecond in [1, 10, 333, 500] {
            var client = Driven(
                Self.policy(events: RateRule(perSecond: perSecond, burst: perSecond * 5), action: .delay))
            var now: UInt64 = Self.second
            for _ in 0..<perSecond * 100 {
                #expect(client.packet(at: now) == nil)
                now += Self.second / UInt64(perSecond) + 1
            }
        }
    }

    @Test func fewPacketsAreLookedAt() {
        var client = Driven(Self.policy(events: RateRule(perSecond: 500, burst: 2_500)))
        #expect(client.passing(at: 0) == 2_500)
        #expect(client.looks < 2_500 / 30 + 10)
    }

    @Test func delayTakesTheRateInTheLongRun() {
        let rule = RateRule(perSecond: 500, burst: 2_500)
        var client = Driven(Self.policy(events: rule, action: .delay))
        // A flood that goes on as soon as it may.
        var (now, passed) = (UInt64(0), 0)
        while now < 60 * Self.second {
            passed += 1
            if let excess = client.packet(at: now) { now += excess.wait }
        }
        #expect((2_500 + 59 * 500...2_500 + 61 * 500).contains(passed))
    }

    @Test func aDelayIsWhatThePacketOwesAndAGrant() {
        var client = Driven(Self.policy(events: RateRule(perSecond: 10, burst: 10), action: .delay))
        for _ in 0..<10 { #expect(client.packet(at: 0) == nil) }
        // One is over, and one is what may pass before the next look.
        #expect(client.packet(at: 0) == RateExcess(kind: .events, scope: .session, wait: 2 * Self.second / 10))
        #expect(client.packet(at: 2 * Self.second / 10) == nil)
        #expect(client.packet(at: 2 * Self.second / 10) != nil)
    }

    @Test func nobodyOwesForLongerThanTenSeconds() {
        var client = Driven(Self.policy(bytes: RateRule(perSecond: 1, burst: 8), action: .delay))
        let excess = client.packet(bytes: 1_000_000, at: 0)
        #expect(excess?.wait == 11 * Self.second)
        #expect(excess?.kind == .bytes)
    }

    @Test func bytesCountTogether() {
        var client = Driven(Self.policy(bytes: RateRule(perSecond: 1_000, burst: 100_000)))
        #expect(client.passing(at: 0, bytes: 1_000) == 100)
        var small = Driven(Self.policy(bytes: RateRule(perSecond: 1_000, burst: 100_000)))
        #expect(small.passing(at: 0, bytes: 7) == 100_000 / 7)
        var large = Driven(Self.policy(bytes: RateRule(perSecond: 1_000, burst: 100_000)))
        #expect(large.packet(bytes: 100_001, at: 0) != nil)
        #expect(large.packet(bytes: 100_000, at: 0) == nil)
        #expect(large.packet(bytes: 1, at: 0) != nil)
    }

    @Test func whatIsDroppedIsNotPaidFor() {
        var client = Driven(Self.policy(events: RateRule(perSecond: 10, burst: 10)))
        #expect(client.passing(at: 0) == 10)
        for _ in 0..<1_000 { #expect(client.packet(at: 0) != nil) }
        #expect(client.passing(at: Self.second) == 10)
    }

    @Test func otherKindsCountOneByOne() {
        let meter = RateMeter(Self.policy(joins: RateRule(perSecond: 2, burst: 3)))
        for _ in 0..<3 { #expect(meter.charge(.joins, now: 0) == nil) }
        #expect(meter.charge(.joins, now: 0)?.kind == .joins)
        #expect(meter.charge(.joins, now: Self.second / 2 - 1) != nil)
        #expect(meter.charge(.joins, now: Self.second / 2) == nil)
        #expect(meter.charge(.connects, now: 0) == nil)
    }

    @Test func sessionsOfAUserShareItsRate() {
        let policy = Self.policy(user: RateRule(perSecond: 100, burst: 1_000))
        let account = RateAccount(RateKey(high: 1, low: 1))
        var sessions = (0..<4).map { _ in Driven(policy, user: account) }
        var passed = 0
        // By turns, until all are over.
        for _ in 0..<2_000 {
            for index in sessions.indices where sessions[index].packet(at: 0) == nil { passed += 1 }
        }
        // As exact as a grant of each of the others.
        #expect((1_000...1_000 + 3 * 32).contains(passed))
        var other = Driven(policy, user: RateAccount(RateKey(high: 1, low: 2)))
        #expect(other.passing(at: 0) == 1_000)
    }

    @Test func theTightestRateHolds() {
        let policy = Self.policy(
            events: RateRule(perSecond: 100, burst: 300), user: RateRule(perSecond: 100, burst: 200),
            address: RateRule(perSecond: 100, burst: 100))
        let (user, address) = (RateAccount(RateKey(high: 1, low: 1)), RateAccount(RateKey(high: 2, low: 1)))
        var client = Driven(policy, user: user, address: address)
        #expect(client.passing(at: 0) == 100)
        var over = Driven(policy, user: user)
        #expect(over.passing(at: 0) == 100)
        let excess = over.packet(at: 0)
        #expect(excess?.scope == .user)
    }

    @Test func aShareIsAPartOfTheRate() {
        let policy = Self.policy(user: RateRule(perSecond: 100, burst: 1_000))
        let account = RateAccount(RateKey(high: 1, low: 1))
        account.share = 250
        var client = Driven(policy, user: account)
        #expect((249...251).contains(client.passing(at: 0)))
        #expect((24...26).contains(client.passing(at: Self.second)))
        account.share = 1_000
        #expect((990...1_010).contains(client.passing(at: 100 * Self.second)))
    }

    @Test func otherRulesKeepWhatIsOwed() {
        var client = Driven(Self.policy(events: RateRule(perSecond: 1, burst: 10)))
        #expect(client.passing(at: 0) == 10)
        let policy = Self.policy(events: RateRule(perSecond: 1, burst: 12))
        var next = Driven(policy)
        next.meter.takeOver(from: client.meter)
        // What was granted before the first look, and what the larger burst leaves.
        #expect(next.passing(at: 0) <= 2)
    }

    @Test func numbersOfAnySizeAreTaken() {
        for rule in [
            RateRule(perSecond: .max, burst: .max), RateRule(perSecond: 1, burst: .max),
            RateRule(perSecond: 0, burst: -1),
        ] {
            let meter = RateMeter(Self.policy(joins: rule, action: .delay))
            for now in [UInt64(0), 1 << 62] {
                _ = meter.charge(.joins, .max, now: now)
                _ = meter.charge(.joins, -1, now: now)
                let account = RateAccount(RateKey(high: 0, low: 0))
                account.share = 1
                _ = account.take(.max, .joins, rule, now: now)
                #expect(account.available(.joins, rule, now: now) >= 0)
            }
        }
    }
}
