// Part of socketio-server, MIT licence; see LICENSE.

import MetricTesting
import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// On a clock that the test moves.
@Suite("Exact times: recovery")
struct RecoveryTimeTests {
    /// A client with a session, an event received, and its connection lost now.
    private func lost(_ server: ManualServer) throws -> (auth: String, id: String) {
        let (client, socket) = try server.join()
        server.io.emit("m", 1)
        let event = try #require(try client.text())
        let items = try TestValue(json: String(event.dropFirst(2)))
        let pid = try #require(socket.continuation?.pid.text)
        client.close()
        #expect(server.io.sockets.socketCount == 0)
        return (#"{"pid":"\#(pid)","offset":"\#(items[2]?.string ?? "")"}"#, socket.id)
    }

    private func isContinued(_ server: ManualServer, _ auth: String, _ id: String) throws -> Bool {
        let client = try server.openWebSocket()
        try client.send(text: "40" + auth)
        var last = ""
        while let text = try client.text() { last = text }
        client.close()
        return last.contains(id)
    }

    @Test("exactly the duration after the loss still counts", arguments: [0, 1])
    func duration(late: Int64) throws {
        let server = try ManualServer {
            $0.connectionStateRecovery = ConnectionStateRecovery()
            $0.connectionStateRecovery?.maxDisconnectionDuration = .milliseconds(300)
        }
        let (auth, id) = try lost(server)
        server.advance(.milliseconds(300) + .nanoseconds(late))
        #expect(try isContinued(server, auth, id) == (late == 0))
    }

    /// memory/not-yet-expired
    @Test("the duration counts from the loss, not from the last event")
    func quiet() throws {
        let server = try ManualServer {
            $0.connectionStateRecovery = ConnectionStateRecovery()
            $0.connectionStateRecovery?.maxDisconnectionDuration = .milliseconds(300)
            $0.engine.pingInterval = .seconds(3_600)
        }
        let (client, socket) = try server.join()
        server.io.emit("m", 1)
        let event = try #require(try client.text())
        let items = try TestValue(json: String(event.dropFirst(2)))
        let pid = try #require(socket.continuation?.pid.text)
        server.advance(.minutes(30))
        client.close()
        server.advance(.milliseconds(150))
        let auth = #"{"pid":"\#(pid)","offset":"\#(items[2]?.string ?? "")"}"#
        #expect(try isContinued(server, auth, socket.id))
    }

    @Test("every outcome is counted")
    func outcomes() throws {
        try CountedMetrics.counting { (metrics: CountedMetrics) throws in
            let server = try ManualServer {
                $0.connectionStateRecovery = ConnectionStateRecovery()
                $0.connectionStateRecovery?.maxDisconnectionDuration = .milliseconds(300)
            }
            func count(_ outcome: String) -> Double {
                metrics["socketio_recoveries_total", [("outcome", outcome)]] ?? 0
            }
            let (auth, id) = try lost(server)
            #expect(count("recovered") == 0)
            #expect(try isContinued(server, auth, id))
            #expect(count("recovered") == 1 && count("expired") == 0)
            server.advance(.milliseconds(301))
            #expect(try !isContinued(server, auth, id))
            #expect(count("recovered") == 1 && count("expired") == 1)
        }
    }
}
