// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import Testing

@testable import EngineIOCore

/// Both bounds and the time-out, at and one over, on a clock that the tests turn.
@Suite struct SlowClientStateMachineTests {
    private static let limits = SlowClientLimits(softBound: 1000, hardBound: 16_000, timeout: .seconds(10))

    private static func at(_ nanoseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000) + .nanoseconds(nanoseconds)
    }

    @Test func theSoftBoundBeginsTheWatch() {
        var machine = SlowClientStateMachine(limits: Self.limits)
        #expect(machine.queueing(400, waiting: 600, now: Self.at(0)) == .keep)
        #expect(!machine.isWatched)
        #expect(machine.queueing(401, waiting: 600, now: Self.at(0)) == .keepAndDropVolatile)
        #expect(machine.isWatched)
    }

    @Test func theHardBoundRefuses() {
        var machine = SlowClientStateMachine(limits: Self.limits)
        #expect(machine.queueing(6000, waiting: 10_000, now: Self.at(0)) == .keepAndDropVolatile)
        #expect(machine.queueing(6001, waiting: 10_000, now: Self.at(0)) == .refuse)
        #expect(machine.queueing(.max, waiting: 1, now: Self.at(0)) == .refuse)
    }

    @Test func oneMessageAloneMayBeOfAnySize() {
        var machine = SlowClientStateMachine(limits: Self.limits)
        #expect(machine.queueing(1_000_000, waiting: 0, now: Self.at(0)) == .keepAndDropVolatile)
        #expect(machine.isWatched)
    }

    @Test func theTimeoutIsExact() {
        var machine = SlowClientStateMachine(limits: Self.limits)
        _ = machine.queueing(2000, waiting: 0, now: Self.at(5))
        #expect(!machine.isTooSlow(now: Self.at(5 + 9_999_999_999)))
        #expect(machine.isTooSlow(now: Self.at(5 + 10_000_000_000)))
    }

    @Test func progressBeginsTheTimeoutAnew() {
        var machine = SlowClientStateMachine(limits: Self.limits)
        _ = machine.queueing(5000, waiting: 0, now: Self.at(0))
        machine.progressed(waiting: 4999, now: Self.at(9_999_999_999))
        #expect(!machine.isTooSlow(now: Self.at(19_999_999_998)))
        #expect(machine.isTooSlow(now: Self.at(19_999_999_999)))
    }

    @Test func moreMessagesAreNoProgress() {
        var machine = SlowClientStateMachine(limits: Self.limits)
        _ = machine.queueing(2000, waiting: 0, now: Self.at(0))
        #expect(machine.queueing(1, waiting: 2000, now: Self.at(9_000_000_000)) == .keepAndDropVolatile)
        #expect(machine.isTooSlow(now: Self.at(10_000_000_000)))
    }

    @Test func theWatchEndsAtTheSoftBound() {
        var machine = SlowClientStateMachine(limits: Self.limits)
        _ = machine.queueing(2000, waiting: 0, now: Self.at(0))
        machine.progressed(waiting: 1001, now: Self.at(1))
        #expect(machine.isWatched)
        machine.progressed(waiting: 1000, now: Self.at(2))
        #expect(!machine.isWatched)
        #expect(!machine.isTooSlow(now: Self.at(.max / 2)))
    }

    /// Dropping is no progress: it ends the watch at the soft bound and else changes nothing.
    @Test func droppingIsNoProgress() {
        var machine = SlowClientStateMachine(limits: Self.limits)
        _ = machine.queueing(2000, waiting: 0, now: Self.at(0))
        machine.dropped(waiting: 1001)
        #expect(machine.isTooSlow(now: Self.at(10_000_000_000)))
        machine.dropped(waiting: 1000)
        #expect(!machine.isWatched)
    }

    @Test func aSoftBoundAboveTheHardOneHasNoEffect() {
        #expect(SlowClientLimits(softBound: 2, hardBound: 1, timeout: .seconds(1)).softBound == 1)
    }

    /// A client that takes one byte each second is kept for a day.
    @Test func steadyReadersAreKept() {
        var machine = SlowClientStateMachine(limits: Self.limits)
        _ = machine.queueing(16_000, waiting: 0, now: Self.at(0))
        for second in 1...86_400 as ClosedRange<Int64> {
            machine.progressed(waiting: 15_999, now: Self.at(second * 1_000_000_000))
            #expect(!machine.isTooSlow(now: Self.at((second + 1) * 1_000_000_000)))
            #expect(machine.queueing(1, waiting: 15_999, now: Self.at(second * 1_000_000_000)) != .refuse)
        }
    }
}
