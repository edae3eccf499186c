// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

@Suite struct ObservabilityTests {
    @Test func aLoopThatStandsStillIsLateNow() async throws {
        try await SessionTestServer.run(loops: 2) { server in
            #expect(server.engine.currentLag == .zero)
            server.engine.measureLag(every: .milliseconds(20))
            let (began, release) = (NIOLockedValueBox(false), NIOLockedValueBox(false))
            server.engine.shards[1].eventLoop.execute {
                began.withLockedValue { $0 = true }
                let limit = NIODeadline.now() + .seconds(60)
                while !release.withLockedValue({ $0 }), .now() < limit {}
            }
            try await eventually("the loop is blocked") { began.withLockedValue { $0 } }
            // Nobody waits for the loop to learn it.
            try await eventually("late", within: 30) { server.engine.currentLag > .milliseconds(300) }
            release.withLockedValue { $0 = true }
            try await eventually("in time again", within: 30) {
                server.engine.currentLag < .milliseconds(300)
            }
        }
    }

    @Test func aReachedLimitIsToldInWords() throws {
        var configuration = EngineConfiguration()
        configuration.maxSessions = 2
        let sessions = AdmissionControl(configuration)
        #expect(sessions.reachedLimit(sessions: 1) == nil)
        #expect(sessions.reachedLimit(sessions: 2) == "2 of 2 sessions are open")
        configuration.maxSessions = nil
        configuration.maxHandshakesPerSecond = 1
        let rate = AdmissionControl(configuration)
        let now = NIODeadline.now()
        #expect(rate.check(sessions: 0, address: "", now: now) == nil && rate.reachedLimit(sessions: 9) == nil)
        #expect(rate.check(sessions: 0, address: "", now: now)?.limit == .rate)
        #expect(rate.reachedLimit(sessions: 9) == "more than 1 handshakes per second")
    }
}
