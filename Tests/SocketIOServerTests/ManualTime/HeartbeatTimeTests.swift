// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import LoopConfinement
import NIOCore
import Testing

@testable import EngineIOServer
@testable import SocketIOServer

/// The heartbeat and what else ends a session by time, to the millisecond. The default intervals are 25 s and 20 s.
@Suite("Exact times: heartbeat, upgrade, close")
struct HeartbeatTimeTests {
    /// Lets time pass in steps of a millisecond until the condition holds; returns how long that took.
    private func wait(
        _ server: ManualServer, atMost limit: TimeAmount, until condition: () throws -> Bool
    ) throws -> TimeAmount {
        let start = server.now
        while try !condition() {
            try #require(server.now - start < limit, "not within \(limit.nanoseconds / 1_000_000) ms")
            server.advance(.milliseconds(1))
        }
        return server.now - start
    }

    @Test("the first ping is early by 5 % at most, later ones come an interval after the pong, and none is late")
    func pings() throws {
        let server = try ManualServer()
        let client = try server.openWebSocket()
        try client.send(text: "40")
        #expect(try client.text()?.hasPrefix("40") == true)
        let first = try wait(server, atMost: .seconds(26)) { try client.text() == "2" }
        #expect(first >= .milliseconds(23_746) && first <= .seconds(25), "\(first)")
        for _ in 0..<3 {
            try client.send(text: "3")
            let next = try wait(server, atMost: .seconds(26)) { try client.text() == "2" }
            // The clock of the heartbeats has a resolution of 4 ms here.
            #expect(next > .milliseconds(24_992) && next <= .seconds(25), "\(next)")
        }
        client.close()
    }

    @Test("other intervals are kept as exactly", arguments: [(1_000, 300), (300, 5_000), (60_000, 60_000)])
    func otherIntervals(interval: Int64, timeout: Int64) throws {
        let server = try ManualServer {
            $0.engine.pingInterval = .milliseconds(interval)
            $0.engine.pingTimeout = .milliseconds(timeout)
            $0.connectTimeout = .seconds(3_600)
        }
        let client = try server.openWebSocket()
        let first = try wait(server, atMost: .milliseconds(interval + 1)) { try client.text() == "2" }
        #expect(first >= .milliseconds(interval * 94 / 100), "\(first)")
        try client.send(text: "3")
        let second = try wait(server, atMost: .milliseconds(interval + 1)) { try client.text() == "2" }
        #expect(second >= .milliseconds(interval - 9), "\(second)")
        let silence = try wait(server, atMost: .milliseconds(timeout + 10)) { server.sessionCount == 0 }
        #expect(silence >= .milliseconds(timeout - 1) && silence <= .milliseconds(timeout + 5), "\(silence)")
    }

    @Test("a client that does not answer is gone 20 s after the ping, and not before")
    func pongTimeout() throws {
        let server = try ManualServer()
        let (client, socket) = try server.join()
        let reason = Recorder<DisconnectReason>()
        socket.onDisconnect { reason.append($0) }
        _ = try wait(server, atMost: .seconds(26)) { try client.text() == "2" }
        server.advance(.milliseconds(19_999))
        #expect(server.sessionCount == 1 && reason.all.isEmpty && client.isOpen)
        server.advance(.milliseconds(1))
        #expect(server.sessionCount == 0 && reason.all == [.pingTimeout])
    }

    @Test("the same on polling, where the ping waits for a poll")
    func pongTimeoutOnPolling() throws {
        let server = try ManualServer { $0.connectTimeout = .seconds(3_600) }
        let sid = try server.openPolling()
        let poll = try server.connect()
        try poll.request("GET", server.target(sid))
        let ping = try wait(server, atMost: .seconds(26)) { try poll.answer()?.body == "2" }
        #expect(ping <= .seconds(25))
        server.advance(.milliseconds(19_999))
        #expect(server.sessionCount == 1)
        server.advance(.milliseconds(1))
        #expect(server.sessionCount == 0)
        #expect(try server.answer("GET", server.target(sid))?.body == #"{"code":1,"message":"Session ID unknown"}"#)
    }

    @Test("an upgrade restarts the time for the pong, whose ping went out on polling")
    func anUpgradeRestartsThePongTimeout() throws {
        let server = try ManualServer { $0.connectTimeout = .seconds(3_600) }
        let sid = try server.openPolling()
        let poll = try server.connect()
        try poll.request("GET", server.target(sid))
        _ = try wait(server, atMost: .seconds(26)) { try poll.answer()?.body == "2" }
        server.advance(.seconds(12))
        let socket = try server.connect()
        try socket.upgrade(ManualServer.webSocket + "&sid=" + sid)
        try socket.send(text: "2probe")
        #expect(try socket.text() == "3probe")
        server.advance(.seconds(3))
        try socket.send(text: "5")
        // Fifteen seconds after the ping; now there are twenty more, not five.
        server.advance(.milliseconds(19_999))
        #expect(server.sessionCount == 1)
        server.advance(.milliseconds(4))
        #expect(server.sessionCount == 0)
    }

    @Test("an upgrade without an open ping leaves the heartbeat as it is")
    func anUpgradeLeavesThePingAlone() throws {
        let server = try ManualServer { $0.connectTimeout = .seconds(3_600) }
        let sid = try server.openPolling()
        server.advance(.seconds(20))
        let socket = try server.connect()
        try socket.upgrade(ManualServer.webSocket + "&sid=" + sid)
        try socket.send(text: "2probe")
        #expect(try socket.text() == "3probe")
        try socket.send(text: "5")
        let ping = try wait(server, atMost: .seconds(26)) { try socket.text() == "2" }
        #expect(ping >= .milliseconds(3_746) && ping <= .seconds(5), "\(ping)")
        socket.close()
    }

    @Test(
        "an upgrade that is not finished is given up after 10 s; the polling session goes on", arguments: [true, false])
    func upgradeTimeout(probes: Bool) throws {
        let server = try ManualServer { $0.connectTimeout = .seconds(3_600) }
        let sid = try server.openPolling()
        let candidate = try server.connect()
        try candidate.upgrade(ManualServer.webSocket + "&sid=" + sid)
        if probes {
            server.advance(.seconds(6))
            try candidate.send(text: "2probe")
            #expect(try candidate.text() == "3probe")
            server.advance(.milliseconds(3_999))
        } else {
            server.advance(.milliseconds(9_999))
        }
        #expect(try candidate.frame() == nil && candidate.isOpen)
        server.advance(.milliseconds(1))
        #expect(try candidate.frame()?.opcode == 8)
        #expect(server.sessionCount == 1)
        #expect(try server.answer("POST", server.target(sid), body: "3")?.body == "ok")
    }

    @Test("while the client waits for its poll, the upgrade gives it back after 100 ms, again and again")
    func noopsOfAnUpgrade() throws {
        let server = try ManualServer { $0.connectTimeout = .seconds(3_600) }
        let sid = try server.openPolling()
        let candidate = try server.connect()
        try candidate.upgrade(ManualServer.webSocket + "&sid=" + sid)
        try candidate.send(text: "2probe")
        for _ in 0..<3 {
            let poll = try server.connect()
            try poll.request("GET", server.target(sid))
            server.advance(.milliseconds(99))
            #expect(try poll.answer() == nil)
            server.advance(.milliseconds(1))
            #expect(try poll.answer()?.body == "6")
            poll.close()
        }
        candidate.close()
    }

    @Test("a closing session waits 30 s for the poll that fetches the end")
    func closeTimeout() throws {
        let server = try ManualServer { $0.engine.pingInterval = .seconds(3_600) }
        let sid = try server.openPolling()
        let session = try #require(
            server.io.engineServer.shards[0].core.runIfHere { $0.allSessions().first?.handle } ?? nil)
        #expect(session.id == sid)
        session.close()
        server.advance(.milliseconds(29_999))
        #expect(server.sessionCount == 1)
        // Deadlines of sessions are kept by a clock of 4 ms.
        server.advance(.milliseconds(5))
        #expect(server.sessionCount == 0)
    }

    @Test("a WebSocket whose client does not answer the close is cut after a second")
    func webSocketCloseTimeout() throws {
        let server = try ManualServer()
        let (client, socket) = try server.join()
        socket.disconnect(close: true)
        var opcodes: [UInt8] = []
        while let frame = try client.frame() { opcodes.append(frame.opcode) }
        #expect(opcodes == [1, 8])
        server.advance(.milliseconds(999))
        #expect(client.isOpen)
        server.advance(.milliseconds(1))
        #expect(!client.isOpen)
    }
}
