// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

@Suite struct OverloadTests {
    @Test func latenessCountsWhenItLasts() {
        var settings = Settings.Overload()
        settings.maxLoopLagMs = 100
        settings.afterMs = 3_000
        var judge = OverloadJudge(settings)
        #expect(judge.judge(.init(lagMs: 500), now: 1_000).isEmpty)
        #expect(judge.judge(.init(lagMs: 100), now: 3_900).isEmpty)
        #expect(
            judge.judge(.init(lagMs: 300), now: 4_000) == ["event loops": "300 ms late, and at least 100 ms for 3 s"])
        // One good sample, and it begins anew.
        #expect(judge.judge(.init(lagMs: 99), now: 5_000).isEmpty)
        #expect(judge.judge(.init(lagMs: 100), now: 6_000).isEmpty)
        #expect(judge.judge(.init(lagMs: 100), now: 9_000).keys.sorted() == ["event loops"])
        settings.maxLoopLagMs = nil
        judge = OverloadJudge(settings)
        for second in 0..<10 { #expect(judge.judge(.init(lagMs: 9_999), now: second * 1_000).isEmpty) }
    }

    @Test func memoryAndAdmissionCountAtOnce() {
        var settings = Settings.Overload()
        settings.maxResidentBytes = 1_000
        var judge = OverloadJudge(settings)
        #expect(judge.judge(.init(limit: nil, residentBytes: 1_000), now: 0).isEmpty)
        #expect(
            judge.judge(.init(limit: "5 of 5", residentBytes: 1_001), now: 0)
                == ["admission": "5 of 5", "memory": "1001 bytes in use, more than 1000"])
    }

    @Test func anOverloadIsToldAndKeepsNewcomersAwayOnlyIfWanted() {
        for refuses in [false, true] {
            let readiness = Readiness(refusesWhenOverloaded: refuses)
            readiness.accept()
            readiness.degrade("redis", reason: "down")
            readiness.overload(["memory": "full"])
            #expect(readiness.report.status == .overloaded)
            #expect(readiness.report.reasons == ["memory: full", "redis: down"])
            #expect(readiness.isAccepting == !refuses)
            readiness.refuse(.draining, reason: "the end")
            #expect(readiness.report.status == .draining && !readiness.isAccepting)
            readiness.accept()
            readiness.overload([:])
            #expect(readiness.report.status == .degraded && readiness.isAccepting)
        }
    }

    @Test(.timeLimit(.minutes(2)), arguments: [false, true])
    func aReachedLimitShowsInReadyz(notReady: Bool) async throws {
        let server = try RunningProcess.server([
            "--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--admission-max-sessions", "1",
            "--operations-port", "0", "--overload-not-ready=\(notReady)",
        ])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let client = try await SocketTestClient.connect(to: ServerAddress(port: port))
        try await eventually("overloaded", within: .seconds(60)) {
            let ready = try await ask(port, "/readyz")
            return ready.text.contains(#""overloaded","reasons":["admission: 1 of 1 sessions are open"]"#)
                && ready.status == (notReady ? 503 : 200)
        }
        #expect(try PrometheusText(try await ask(operations, "/metrics").text)["socketio_overloaded"] == 1)
        _ = try await server.line { $0.contains("warning overloaded part=admission") ? true : nil }
        for _ in 0..<5 { #expect(try await ask(port, "/socket.io/?EIO=4&transport=polling").status == 503) }
        // Many refusals, one line a minute.
        _ = try await server.line {
            $0.contains("handshakes are refused: admission.maxSessions is reached") ? true : nil
        }
        #expect(server.output.components(separatedBy: "handshakes are refused").count == 2)
        await client.close()
        try await eventually("ready", within: .seconds(60)) {
            try await ask(port, "/readyz").text.contains(#""ready""#)
        }
        _ = try await server.line { $0.contains("notice  no longer overloaded part=admission") ? true : nil }
    }

    @Test(.timeLimit(.minutes(2))) func memoryOverTheBudgetShowsInReadyz() async throws {
        let server = try RunningProcess.server([
            "--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--overload-max-resident-bytes", "1048576",
        ])
        let port = try await server.port()
        try await eventually("overloaded", within: .seconds(60)) {
            try await ask(port, "/readyz").text.contains("bytes in use, more than 1048576")
        }
    }
}
