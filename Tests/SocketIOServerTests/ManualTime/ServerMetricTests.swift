// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import LoopConfinement
import MetricTesting
import NIOCore
import SocketIOCore
import Synchronization
import Testing

@testable import EngineIOServer
@testable import SocketIOServer

/// Every counter of engine and server counts what its name says, once, and nothing else does.
@Suite("What the server counts")
struct ServerMetricTests {
    /// A server that counts alone; it has a handler for `ask`, a namespace of its own, and joins a room when told to.
    private func withServer(
        _ change: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (ManualServer, CountedMetrics) throws -> Void
    ) throws {
        try CountedMetrics.counting { metrics in
            let server = try ManualServer {
                $0.engine.pingInterval = .seconds(3_600)
                $0.connectTimeout = .seconds(3_600)
                change(&$0)
            }
            server.io.onConnection { socket in
                socket.on("number") { (_: Int) in }
                socket.on("fail") { () in throw SocketError(.notSupported, "told to") }
                socket.on("join") { (room: String) in socket.join(room) }
            }
            try body(server, metrics)
        }
    }

    @Test("sockets that come and go")
    func connections() throws {
        try withServer { server, metrics in
            let (client, _) = try server.join()
            let (other, _) = try server.join()
            #expect(metrics["socketio_connections_total"] == 2 && metrics["socketio_disconnections_total"] == 0)
            try client.send(text: "41")
            #expect(metrics["socketio_disconnections_total"] == 1)
            other.close()
            #expect(metrics["socketio_disconnections_total"] == 2 && metrics["socketio_connections_total"] == 2)
            client.close()
        }
    }

    @Test("refused and missing connections to a namespace")
    func refusedConnections() throws {
        try withServer({ $0.connectTimeout = .seconds(3) }) { server, metrics in
            let client = try server.openWebSocket()
            try client.send(text: "40/nowhere,")
            #expect(metrics["socketio_connections_refused_total"] == 1)
            server.advance(.seconds(3))
            #expect(metrics["socketio_connect_timeouts_total"] == 1)
            let (joined, _) = try server.join()
            server.advance(.seconds(3))
            #expect(metrics["socketio_connect_timeouts_total"] == 1)
            joined.close()
        }
    }

    @Test("packets that are ignored, cannot be read, or are not allowed")
    func packets() throws {
        try withServer { server, metrics in
            let (client, _) = try server.join()
            try client.send(text: "439[1]")
            #expect(metrics["socketio_packets_ignored_total"] == 1)
            try client.send(text: #"42["number",}"#)
            #expect(metrics["socketio_packets_undecodable_total"] == 1)
            let (other, _) = try server.join()
            try other.send(text: #"42/elsewhere,["x"]"#)
            #expect(metrics["socketio_protocol_violations_total"] == 1)
            #expect(
                metrics["socketio_packets_ignored_total"] == 1 && metrics["socketio_packets_undecodable_total"] == 1)
        }
    }

    @Test("events without a handler, with wrong arguments, and with a handler that fails")
    func events() throws {
        try withServer { server, metrics in
            let (client, _) = try server.join()
            try client.send(text: #"42["nobody listens"]"#)
            #expect(metrics["socketio_events_unhandled_total"] == 1)
            try client.send(text: #"42["number","one"]"#)
            #expect(metrics["socketio_events_invalid_total"] == 1)
            try client.send(text: #"42["fail"]"#)
            #expect(metrics["socketio_handler_failures_total"] == 1)
            try client.send(text: #"42["number",1]"#)
            #expect(metrics["socketio_events_unhandled_total"] == 1)
            #expect(metrics["socketio_events_invalid_total"] == 1 && metrics["socketio_handler_failures_total"] == 1)
            client.close()
        }
    }

    @Test("joins over a limit, by number and by length of the name")
    func joins() throws {
        try withServer({ $0.maxRoomsPerSocket = 3 }) { server, metrics in
            let (client, socket) = try server.join()
            socket.join(["a", "b"])
            #expect(metrics["socketio_joins_refused_total"] == 0 && socket.rooms.count == 3)
            socket.join("c")
            #expect(metrics["socketio_joins_refused_total"] == 1 && socket.rooms.count == 3)
            socket.leave("a")
            socket.join(String(repeating: "x", count: 257))
            #expect(metrics["socketio_joins_refused_total"] == 2 && socket.rooms.count == 2)
            socket.join(String(repeating: "x", count: 256))
            #expect(metrics["socketio_joins_refused_total"] == 2 && socket.rooms.count == 3)
            client.close()
        }
    }

    @Test("rooms of the node: as many as there may be, one more, and again after one has gone")
    func nodeRooms() throws {
        try withServer({ $0.maxRooms = 3 }) { server, metrics in
            func refusals() -> Double? { metrics["socketio_limit_refusals_total", [("limit", "node_rooms")]] }
            let (client, socket) = try server.join()
            let (other, another) = try server.join()
            socket.join(["a", "b"])
            another.join(["a", "c"])
            // Their own rooms do not count, nor does one that somebody is in.
            #expect(refusals() == 0 && another.rooms == [another.id, "a", "c"])
            socket.join(["d", "c"])
            #expect(refusals() == 1 && socket.rooms == [socket.id, "a", "b", "c"])
            another.leave(another.id)
            another.join(another.id)
            #expect(refusals() == 1 && another.rooms.contains(another.id))
            socket.leave("b")
            socket.join("d")
            another.join("e")
            #expect(refusals() == 2 && metrics["socketio_joins_refused_total"] == 2)
            client.close()
            another.join(["e", "f"])
            #expect(refusals() == 3 && another.rooms == [another.id, "a", "c", "e"])
            other.close()
            #expect(server.io.context.roomTotal.value == 0)
        }
    }

    @Test("what is over a limit, by the name of the limit")
    func limits() throws {
        try withServer({
            $0.maxNameLength = 20
            $0.maxNamespacesPerClient = 1
            $0.maxRoomsPerSocket = 2
            $0.maxPendingAcknowledgements = 1
            $0.maxNesting = 3
        }) { server, metrics in
            func refusals(_ limit: String) -> Double? { metrics["socketio_limit_refusals_total", [("limit", limit)]] }
            for (limit, packet) in [
                ("attachments", #"4511-["x"]"#), ("ack_id", #"429007199254740992["x"]"#),
                ("nesting", #"42["x",[[[1]]]]"#), ("name_length", "40/aaaaaaaaaaaaaaaaaaaaaaaaa,"),
                ("namespaces", "40/b,"),
            ] {
                let (client, _) = try server.join()
                #expect(refusals(limit) == 0, "\(limit)")
                try client.send(text: packet)
                #expect(refusals(limit) == 1, "\(limit)")
                client.close()
            }
            let (client, socket) = try server.join()
            socket.join(["a", "b"])
            #expect(refusals("rooms") == 1 && socket.rooms.count == 2)
            for _ in 0..<2 { socket.emit("ask", ack: { _ in }) }
            #expect(refusals("pending_acks") == 1)
            client.close()
        }
    }

    @Test("acknowledgements that do not come, of sockets and of broadcasts")
    func acknowledgements() throws {
        try withServer { server, metrics in
            let (client, socket) = try server.join()
            let ends = Recorder<Bool>()
            socket.timeout(.seconds(1)).emit("ask", ack: { _ in ends.append(true) })
            server.advance(.seconds(1))
            #expect(metrics["socketio_acknowledgements_timed_out_total"] == 1)
            server.io.sockets.timeout(.seconds(1)).emit("ask", ack: { _ in ends.append(true) })
            server.advance(.seconds(1))
            #expect(metrics["socketio_acknowledgements_timed_out_total"] == 2)
            socket.timeout(.seconds(1)).emit("ask", ack: { _ in ends.append(true) })
            try client.send(text: "432[]")
            server.advance(.seconds(1))
            #expect(metrics["socketio_acknowledgements_timed_out_total"] == 2 && ends.count == 3)
            // And those that came are counted by the event loop.
            #expect(server.io.context.shards[0].core.runIfHere { $0.received.acknowledgements } == 1)
            client.close()
        }
    }

    @Test("handlers that were found to hold their event loop")
    func slowHandlers() throws {
        try withServer { server, metrics in
            server.io.sockets.onConnection { socket in
                socket.on("slow") { () in
                    socket.core.runIfHere { core in
                        let watch = core.client.shard.watch
                        watch.mark(watch.current)
                    }
                }
            }
            let (client, _) = try server.join()
            try client.send(text: #"42["number",1]"#)
            #expect(metrics["socketio_slow_handlers_total"] == 0)
            for _ in 0..<2 { try client.send(text: #"42["slow"]"#) }
            try client.send(text: #"42["number",1]"#)
            #expect(metrics["socketio_slow_handlers_total"] == 2)
            client.close()
        }
    }

    @Test("volatile packets for a client that has no poll, to one and to all")
    func volatilePackets() throws {
        try withServer { server, metrics in
            let sid = try server.openPolling()
            #expect(try server.answer("POST", server.target(sid), body: "40")?.body == "ok")
            _ = try server.answer("GET", server.target(sid))
            let socket = try #require(server.sockets.first)
            socket.volatile.emit("a", 1)
            #expect(metrics["socketio_volatile_dropped_total"] == 1)
            server.io.sockets.volatile.emit("a", 1)
            #expect(metrics["socketio_volatile_dropped_total"] == 2)
            let poll = try server.connect()
            try poll.request("GET", server.target(sid))
            socket.volatile.emit("b", 1)
            #expect(try poll.answer()?.body == #"42["b",1]"#)
            #expect(metrics["socketio_volatile_dropped_total"] == 2)
            poll.close()
        }
    }

    @Test("sessions by transport, upgrades by their outcome, and the reasons of ends")
    func sessions() throws {
        try withServer { server, metrics in
            func sessions(_ transport: String) -> Double? { metrics["engineio_sessions", [("transport", transport)]] }
            func upgrades(_ outcome: String) -> Double? { metrics["engineio_upgrades_total", [("outcome", outcome)]] }
            func closes(_ reason: String) -> Double? { metrics["engineio_session_closes_total", [("reason", reason)]] }
            func candidate(_ sid: String) throws -> ManualConnection {
                let candidate = try server.connect()
                try candidate.upgrade(ManualServer.webSocket + "&sid=" + sid)
                try candidate.send(text: "2probe")
                #expect(try candidate.text() == "3probe")
                return candidate
            }
            let sid = try server.openPolling()
            #expect(sessions("polling") == 1 && sessions("websocket") == 0)
            let timedOut = try candidate(sid)
            server.advance(.seconds(10))
            #expect(upgrades("timed_out") == 1)
            timedOut.close()
            let dropped = try candidate(sid)
            dropped.close()
            #expect(upgrades("dropped") == 1)
            let completed = try candidate(sid)
            try completed.send(text: "5")
            #expect(upgrades("completed") == 1 && sessions("polling") == 0 && sessions("websocket") == 1)
            let late = try server.connect()
            try late.upgrade(ManualServer.webSocket + "&sid=" + sid)
            #expect(upgrades("refused") == 1)
            completed.close()
            #expect(sessions("websocket") == 0 && closes("transport close") == 1)
            let (client, socket) = try server.join()
            socket.disconnect(close: true)
            #expect(closes("forced close") == 1)
            client.close()
            let (silent, _) = try server.join()
            server.advance(.hours(2))
            #expect(closes("ping timeout") == 1)
            silent.close()
            let (broken, _) = try server.join()
            try broken.send(text: "9")
            #expect(closes("parse error") == 1)
            let (wrong, _) = try server.join()
            try wrong.send(text: "2")
            #expect(closes("transport error") == 1)
            #expect(CloseReason.allCases.reduce(0) { $0 + (closes($1.rawValue) ?? 0) } == 5)
            #expect(sessions("polling") == 0 && sessions("websocket") == 0)
        }
    }

    @Test("refused requests by code, refused handshakes by reason, refused HTTP by status")
    func refusals() throws {
        try withServer({ $0.engine.maxSessions = 1 }) { server, metrics in
            func refusals(_ code: Int) -> Double? { metrics["engineio_refusals_total", [("code", "\(code)")]] }
            func handshakes(_ reason: String) -> Double? {
                metrics["engineio_handshakes_refused_total", [("reason", reason)]]
            }
            for (code, method, target) in [
                (0, "GET", "/socket.io/?EIO=4&transport=carrier-pigeon"),
                (1, "GET", "/socket.io/?EIO=4&transport=polling&sid=nobody"),
                (2, "POST", "/socket.io/?EIO=4&transport=polling"),
                (3, "GET", "/socket.io/?EIO=4&transport=websocket"),
                (5, "GET", "/socket.io/?EIO=2&transport=polling"),
            ] {
                #expect(try server.answer(method, target)?.status == 400)
                #expect(refusals(code) == 1, "\(code)")
            }
            _ = try server.openPolling()
            #expect(try server.answer("GET", ManualServer.polling)?.status == 503)
            #expect(handshakes("sessions") == 1)
            server.io.engineServer.beginDraining()
            #expect(try server.answer("GET", ManualServer.polling)?.status == 503)
            #expect(handshakes("draining") == 1 && handshakes("sessions") == 1 && handshakes("rate") == 0)
            let slow = try server.connect()
            try slow.send(Array("GET / HT".utf8))
            server.advance(.seconds(6))
            #expect(try slow.answer()?.status == 408)
            #expect(metrics["socketio_http_refused_total", [("status", "408")]] == 1)
            let long = try server.connect()
            try long.send(Array("GET /\(String(repeating: "a", count: 20_000)) HTTP/1.1\r\n".utf8))
            #expect(try long.answer()?.status == 431)
            #expect(metrics["socketio_http_refused_total", [("status", "431")]] == 1)
        }
        try withServer({ $0.engine.maxHandshakesPerSecond = 1 }) { server, metrics in
            _ = try server.openPolling()
            #expect(try server.answer("GET", ManualServer.polling)?.status == 503)
            #expect(metrics["engineio_handshakes_refused_total", [("reason", "rate")]] == 1)
        }
        try withServer({ $0.engine.cors = CORSConfiguration(origin: .exactly("https://ours.example")) }) {
            server, metrics in
            for target in [ManualServer.polling, ManualServer.webSocket] {
                let connection = try server.connect()
                let head = "GET \(target) HTTP/1.1\r\nHost: a\r\nOrigin: https://theirs.example\r\n\r\n"
                try connection.send(Array(head.utf8))
                #expect(try connection.answer()?.status == 403)
            }
            #expect(metrics["engineio_refusals_total", [("code", "4")]] == 2)
        }
    }
}
