// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import NIOCore
internal import NIOEmbedded
internal import NIOPosix
internal import Testing

@testable internal import EngineIOServer

/// The heartbeat over real sockets. Its times are tested exactly, on a clock of the test's own, by `HeartbeatTimeTests`.
@Suite struct SessionHeartbeatTests {
    typealias Server = SessionTestServer

    @Test(arguments: [1, 2])
    func pingsUntilNobodyAnswers(loops: Int) async throws {
        try await Server.run(
            loops: loops,
            {
                $0.pingInterval = .milliseconds(300)
                $0.pingTimeout = .milliseconds(1500)
            }
        ) { server in
            let clock = ContinuousClock()
            let wire = try await server.connect()
            let start = clock.now
            let sid = try await server.openWebSocket(wire)
            for round in 0..<3 {
                #expect(try await wire.text() == "2")
                // Early is allowed for the first ping only, and by 5 % at most.
                let elapsed = clock.now - start
                #expect(elapsed > .milliseconds(280 + 290 * round))
                try await wire.sendText("3")
            }
            #expect(try await wire.text() == "2")
            #expect(try await wire.frame().opcode == 8)
            #expect(try await server.closeReason(sid) == "ping timeout|")
        }
    }

    @Test func aSilentPollingSessionIsGoneAfterIntervalAndTimeout() async throws {
        try await Server.run({
            $0.pingInterval = .milliseconds(300)
            $0.pingTimeout = .milliseconds(200)
        }) { server in
            let clock = ContinuousClock()
            let wire = try await server.connect()
            let start = clock.now
            let sid = try await server.openPolling(wire)
            #expect(try await server.closeReason(sid) == "ping timeout|")
            #expect(clock.now - start > .milliseconds(450))
            #expect(try await wire.get(Server.target("polling", sid)).body.contains("Session ID unknown"))
        }
    }

    @Test func thePingWaitsForThePoll() async throws {
        try await Server.run({ $0.pingInterval = .milliseconds(50) }) { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            #expect(try await wire.get(Server.target("polling", sid)).body == "2")
            #expect(try await wire.post(Server.target("polling", sid), "3").body == "ok")
            #expect(try await wire.get(Server.target("polling", sid)).body == "2")
        }
    }

    @Test func pongsNobodyAskedForAreHarmless() async throws {
        try await Server.run({ $0.maxPacketsPerPayload = 40_000 }) { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            let flood = Array(repeating: "3", count: 30_000).joined(separator: "\u{1e}")
            #expect(try await wire.post(Server.target("polling", sid), flood).body == "ok")
            #expect(try await wire.post(Server.target("polling", sid), "4x").body == "ok")
            #expect(try await wire.get(Server.target("polling", sid)).body == "4x")
        }
    }
}
