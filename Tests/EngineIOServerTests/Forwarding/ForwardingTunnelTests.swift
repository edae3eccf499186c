// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import Testing

@testable internal import EngineIOServer
@testable internal import RequestForwarding

/// Upgrades that reach another node than that of the session.
@Suite("Forwarding: tunnels") struct ForwardingTunnelTests {
    typealias Server = SessionTestServer

    /// Upgrades a session of the first node through the second; the WebSocket is in use.
    private func upgraded(_ fleet: Fleet) async throws -> (sid: String, socket: SessionWire) {
        let sid = try await fleet.nodes[0].openPolling(try await fleet.nodes[0].connect())
        let socket = try await fleet.nodes[1].connect()
        let response = try await socket.upgrade(Server.target("websocket", sid))
        #expect(response.status == 101)
        try await socket.sendText("2probe")
        #expect(try await socket.text() == "3probe")
        try await socket.sendText("5")
        try await eventually("the upgrade") { fleet.nodes[0].log.events.contains("upgrade websocket") }
        return (sid, socket)
    }

    @Test(.timeLimit(.minutes(2)), arguments: [1, 2])
    func aWebSocketIsCarriedToItsSession(loops: Int) async throws {
        try await Fleet.run(2, loops: loops) { fleet in
            let (sid, socket) = try await upgraded(fleet)
            for turn in 0..<200 {
                try await socket.sendText("4\(turn)")
                #expect(try await socket.text() == "4\(turn)")
            }
            #expect(fleet.metrics(1)?.tunnels == 1)
            socket.close()
            #expect(try await fleet.nodes[0].closeReason(sid).hasPrefix("transport close|"))
            try await eventually("the end of the tunnel") { fleet.metrics(1)?.tunnels == 0 }
        }
    }

    /// More than all buffers between the two ends hold, both ways at once, with a client that pauses.
    @Test(.timeLimit(.minutes(3))) func muchPassesInOrderAndSlowly() async throws {
        try await Fleet.run(
            2,
            { _, configuration in
                configuration.maxBufferedBytes = 64 * 1024 * 1024
                configuration.maxHttpBufferSize = 4 * 1024 * 1024
            }
        ) { fleet in
            let (_, socket) = try await upgraded(fleet)
            let piece = String(repeating: "x", count: 100_000)
            try await socket.setReading(false)
            for turn in 0..<40 { try await socket.sendText("4\(turn) \(piece)") }
            try await socket.setReading(true)
            for turn in 0..<40 { #expect(try await socket.text(within: .seconds(30)) == "4\(turn) \(piece)") }
        }
    }

    @Test(.timeLimit(.minutes(2))) func theSessionsEndEndsTheTunnel() async throws {
        try await Fleet.run(2) { fleet in
            let (sid, socket) = try await upgraded(fleet)
            let session = try #require(fleet.nodes[0].session(sid))
            session.eventLoop.execute { session.close() }
            // A close frame, then the end.
            #expect(try await socket.frame().opcode == 8)
            try await socket.send(SessionWire.frame(opcode: 8, [0x03, 0xE8]))
            _ = try await socket.receiveEnd()
            try await eventually("the end of the tunnel") { fleet.metrics(1)?.tunnels == 0 }
        }
    }

    @Test(.timeLimit(.minutes(2))) func theEndOfEitherNodeEndsTheTunnel() async throws {
        for victim in 0..<2 {
            try await Fleet.run(2) { fleet in
                let (_, socket) = try await upgraded(fleet)
                await fleet.nodes[victim].engine.close()
                await fleet.nodes[victim].engine.endForwarding {}
                _ = try await socket.receiveEnd()
            }
        }
    }

    @Test(.timeLimit(.minutes(2))) func whatHarmsNoSessionHarmsNoneHere() async throws {
        try await Fleet.run(2) { fleet in
            let (sid, socket) = try await upgraded(fleet)
            // A second WebSocket of the session is closed, the first goes on (protocol 1.10, rule 1).
            let second = try await fleet.nodes[1].connect()
            #expect(try await second.upgrade(Server.target("websocket", sid)).status == 101)
            _ = try await second.receiveEnd()
            // Not WebSocket at all: the refusal of the session's node arrives as it is.
            let third = try await fleet.nodes[1].connect()
            let refused = try await third.get(
                Server.target("websocket", sid), headers: "Connection: Upgrade\r\nUpgrade: websocket\r\n")
            #expect(refused.status == 400 && refused.body.contains("Sec-WebSocket-Version"))
            try await socket.sendText("4x")
            #expect(try await socket.text() == "4x")
        }
    }

    @Test(.timeLimit(.minutes(2))) func upgradesCanBeRefused() async throws {
        try await Fleet.run(2, { _, configuration in configuration.forwarding?.upgradePolicy = .refuse }) { fleet in
            let near = try await fleet.nodes[0].connect()
            let sid = try await fleet.nodes[0].openPolling(near)
            let answer = try await fleet.nodes[1].connect().upgrade(Server.target("websocket", sid))
            #expect(answer.status == 400 && answer.body == "Session ID unknown")
            #expect(try await near.post(Server.target("polling", sid), "4x").status == 200)
        }
        try await Fleet.run(2, { _, configuration in configuration.forwarding?.maxTunnels = 0 }) { fleet in
            let sid = try await fleet.nodes[0].openPolling(try await fleet.nodes[0].connect())
            let answer = try await fleet.nodes[1].connect().upgrade(Server.target("websocket", sid))
            #expect(answer.status == 503 && fleet.metrics(1)?.tunnels == 0)
        }
    }
}
