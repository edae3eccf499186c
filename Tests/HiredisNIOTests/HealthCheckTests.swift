// Part of socketio-server, MIT licence; see LICENSE.

import Testing

@testable import HiredisNIO

@Suite("Health of a link")
struct HealthCheckTests {
    @Test("quiet but answering: a PING each interval")
    func quiet() {
        var health = HealthCheck()
        for _ in 0..<3 {
            #expect(health.halfIntervalPassed() == .none)
            #expect(health.halfIntervalPassed() == .ping)
            #expect(health.received() == false)
            health.answered()
        }
    }

    @Test("nothing comes: late after half an interval, dead after one")
    func dead() {
        var health = HealthCheck()
        _ = health.halfIntervalPassed()
        #expect(health.halfIntervalPassed() == .ping)
        #expect(health.halfIntervalPassed() == .late)
        #expect(health.halfIntervalPassed() == .dead("nothing was received"))
    }

    @Test("something comes at last: late no more")
    func late() {
        var health = HealthCheck()
        _ = health.halfIntervalPassed()
        _ = health.halfIntervalPassed()
        #expect(health.halfIntervalPassed() == .late)
        #expect(health.isLate)
        #expect(health.received() == true)
        #expect(health.received() == false)
        health.answered()
        #expect(!health.isLate)
        #expect(health.halfIntervalPassed() == .ping)
    }

    @Test("messages come and no answer: four intervals")
    func unanswered() {
        var health = HealthCheck()
        _ = health.halfIntervalPassed()
        #expect(health.halfIntervalPassed() == .ping)
        for _ in 0..<7 {
            _ = health.received()
            #expect(health.halfIntervalPassed() == .none)
        }
        _ = health.received()
        #expect(health.halfIntervalPassed() == .dead("PING was not answered, though messages came"))
    }
}
