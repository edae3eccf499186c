// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOEmbedded
internal import Testing

@testable internal import EngineIOServer

@Suite struct ObservabilityTests {
    /// Keeps what is logged.
    private struct Keeper: LogHandler {
        let lines: NIOLockedValueBox<[String]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.withLockedValue { lines in
                lines.append("\(event.message) \(event.metadata?["count"].map { "\($0)" } ?? "")")
            }
        }
    }

    @Test func aFloodOfRefusalsIsOneLineAMinute() {
        let lines = NIOLockedValueBox<[String]>([])
        let notices = EngineNotices(logger: Logger(label: "test") { _ in Keeper(lines: lines) })
        let loop = EmbeddedEventLoop()
        func logged() -> [String] {
            lines.withLockedValue { lines in
                defer { lines = [] }
                return lines
            }
        }
        for _ in 0..<1_000 { notices.happened(.tooManySessions, on: loop) }
        notices.happened(.slowClient, on: loop, ["sid": "x"])
        #expect(
            logged() == [
                EngineNotices.Kind.tooManySessions.rawValue + " 1", EngineNotices.Kind.slowClient.rawValue + " 1",
            ])
        loop.advanceTime(by: .seconds(59))
        #expect(logged().isEmpty)
        loop.advanceTime(by: .seconds(1))
        #expect(logged() == [EngineNotices.Kind.tooManySessions.rawValue + " 999"])
        notices.happened(.tooManySessions, on: loop)
        #expect(logged().isEmpty)
        loop.advanceTime(by: .minutes(1))
        #expect(logged() == [EngineNotices.Kind.tooManySessions.rawValue + " 1"])
        // A quiet minute, and the next one is told at once.
        loop.advanceTime(by: .minutes(1))
        #expect(logged().isEmpty)
        notices.happened(.tooManySessions, on: loop)
        #expect(logged() == [EngineNotices.Kind.tooManySessions.rawValue + " 1"])
    }

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
        #expect(rate.check(sessions: 0) == nil && rate.reachedLimit(sessions: 9) == nil)
        var refused = 0
        for _ in 0..<100 where rate.check(sessions: 0) != nil { refused += 1 }
        #expect(refused > 0)
        #expect(rate.reachedLimit(sessions: 9) == "more than 1 handshakes per second")
    }
}
