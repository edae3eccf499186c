// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import Testing

@testable internal import SocketIOJWT

/// When a token's client is warned and disconnected, to the millisecond.
@Suite struct TokenDeadlinesTests {
    private static func deadlines(
        warning: Duration = .seconds(60), grace: Duration = .seconds(10), leeway: Int = 5
    ) -> TokenDeadlines {
        var options = TokenAuthentication.Options()
        options.warning = warning
        options.grace = grace
        options.rules.leeway = .seconds(leeway)
        return TokenDeadlines(end: 1_000, options)
    }

    @Test func theClientIsWarnedOnceAndDisconnectedAfterLeewayAndGrace() {
        var deadlines = Self.deadlines()
        #expect(deadlines.limit == 1_015)
        #expect(deadlines.delay(at: 900) == .milliseconds(40_001))
        #expect(deadlines.step(at: 939.999) == .wait)
        #expect(deadlines.step(at: 940) == .warn)
        #expect(deadlines.delay(at: 940) == .milliseconds(75_001))
        #expect(deadlines.step(at: 940) == .wait)
        #expect(deadlines.step(at: 1_014.999) == .wait)
        #expect(deadlines.step(at: 1_015) == .expire)
    }

    @Test func whoComesLateIsWarnedAtOnce() {
        var deadlines = Self.deadlines()
        #expect(deadlines.delay(at: 999) == .milliseconds(1))
        #expect(deadlines.step(at: 999) == .warn)
        #expect(deadlines.step(at: 2_000) == .expire)
        #expect(deadlines.delay(at: 2_000) == .milliseconds(1))
    }

    @Test func withoutAWarningThereIsNone() {
        var deadlines = Self.deadlines(warning: .zero)
        #expect(deadlines.delay(at: 990) == .milliseconds(25_001))
        #expect(deadlines.step(at: 1_014) == .wait)
    }

    /// The clock may be put right meanwhile, so nobody waits for years at once.
    @Test func longTimesAreLookedAtAgain() {
        let month = TimeAmount.hours(24 * 30) + .milliseconds(1)
        #expect(Self.deadlines().delay(at: -1e9) == month)
        var options = TokenAuthentication.Options()
        options.warning = .zero
        #expect(TokenDeadlines(end: .infinity, options).delay(at: 0) == month)
        #expect(TokenDeadlines(end: 1e300, options).delay(at: 0) == month)
    }
}
