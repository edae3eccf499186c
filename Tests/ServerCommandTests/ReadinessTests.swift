// Part of socketio-server, MIT licence; see LICENSE.

internal import Testing

@testable internal import socketio_server

@Suite struct ReadinessTests {
    @Test func nobodyIsSentToAServerThatStarts() {
        let report = Readiness().report
        #expect(report.status == .starting)
        #expect(!report.isAccepting)
        #expect(!report.reasons.isEmpty)
    }

    @Test func aLostPartKeepsNobodyAway() {
        let readiness = Readiness()
        readiness.accept()
        #expect(readiness.report == Readiness.Report(status: .ready, reasons: []))
        readiness.degrade("redis", reason: "down")
        readiness.degrade("redis", reason: "gone")
        readiness.degrade("disk", reason: "full")
        #expect(readiness.report.reasons == ["disk: full", "redis: gone"])
        #expect(readiness.report.status == .degraded)
        #expect(readiness.isAccepting && readiness.report.isAccepting)
        readiness.recover("disk")
        readiness.recover("redis")
        readiness.recover("redis")
        #expect(readiness.report.status == .ready)
    }

    @Test func refusingWinsAndKeepsTheReasons() {
        let readiness = Readiness()
        readiness.accept()
        readiness.degrade("redis", reason: "down")
        readiness.refuse(.draining, reason: "the end")
        #expect(!readiness.isAccepting && !readiness.report.isAccepting)
        #expect(readiness.report.status == .draining)
        #expect(readiness.report.reasons == ["the end", "redis: down"])
        readiness.accept()
        #expect(readiness.report.status == .degraded)
    }

    @Test func theJSONIsEscaped() {
        let report = Readiness.Report(status: .degraded, reasons: ["redis: \"a\"\\\n", "b"])
        #expect(report.json == #"{"status":"degraded","reasons":["redis: \"a\"\\\n","b"]}"# + "\n")
        #expect(Readiness.Report(status: .ready, reasons: []).json == "{\"status\":\"ready\",\"reasons\":[]}\n")
    }
}
