// Part of socketio-server, MIT licence; see LICENSE.

internal import Testing

@testable internal import SocketIOCore

@Suite struct RateAccountTableTests {
    private static let second: UInt64 = 1_000_000_000
    private static let rule = RateRule(perSecond: 10, burst: 10)

    private static func key(_ number: Int) -> RateKey { RateKey(high: 7, low: UInt64(number)) }

    @Test func sessionsWithTheSameKeyShareAnAccount() {
        let table = RateAccountTable()
        let (one, other) = (table.open(Self.key(1), now: 0), table.open(Self.key(1), now: 0))
        #expect(one === other)
        #expect(table.open(Self.key(2), now: 0) !== one)
        #expect(table.count == 2)
    }

    @Test func whoOwesNothingIsForgottenAtOnce() {
        let table = RateAccountTable()
        let account = table.open(Self.key(1), now: 0)
        _ = account.take(1, .events, Self.rule, now: 0)
        table.close(account, now: Self.second)
        #expect(table.count == 0)
    }

    @Test func whoOwesIsRememberedUntilItIsPaid() {
        let table = RateAccountTable()
        let account = table.open(Self.key(1), now: 0)
        _ = account.take(10, .events, Self.rule, now: 0)
        table.close(account, now: 0)
        #expect(table.count == 1)
        // Coming back with another session is of no use.
        let again = table.open(Self.key(1), now: 0)
        #expect(again === account)
        #expect(again.available(.events, Self.rule, now: 0) == 0)
        table.close(again, now: 0)
        // All of it is paid after a second; somebody else's call sweeps.
        table.close(table.open(Self.key(2), now: Self.second - 1), now: Self.second - 1)
        #expect(table.count == 1)
        table.close(table.open(Self.key(2), now: Self.second), now: Self.second)
        table.close(table.open(Self.key(2), now: Self.second), now: Self.second)
        #expect(table.count == 0)
    }

    @Test func thoseWithoutSessionsAreBounded() {
        let table = RateAccountTable(maximumResting: 100)
        for number in 0..<10_000 {
            let account = table.open(Self.key(number), now: 0)
            _ = account.take(10, .events, Self.rule, now: 0)
            table.close(account, now: 0)
            #expect(table.count <= 101)
        }
    }

    @Test func comingAndGoingOfOneKeyLeavesNothing() {
        let table = RateAccountTable(maximumResting: 100)
        for _ in 0..<10_000 {
            let account = table.open(Self.key(1), now: 0)
            _ = account.take(1, .events, Self.rule, now: 0)
            table.close(account, now: 0)
        }
        #expect(table.count <= 1)
    }

    @Test func onlyWhoHasSessionsIsActive() {
        let table = RateAccountTable()
        let account = table.open(Self.key(1), now: 0)
        _ = account.take(10, .events, Self.rule, now: 0)
        #expect(table.active().map(\.key) == [Self.key(1)])
        table.close(account, now: 0)
        #expect(table.active().isEmpty)
        #expect(account.takeUsage() == (events: 10, bytes: 0))
        #expect(account.takeUsage() == (events: 0, bytes: 0))
    }
}
