// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOCore
internal import ProcessTesting
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// What `/metrics` reads off the server itself: each figure is what has happened, and not a byte more.
@Suite struct MetricsPageTests {
    @Test(arguments: [1, 2]) func everyFigureIsWhatHasHappened(loops: Int) async throws {
        var configuration = ServerConfiguration()
        configuration.eventLoops = loops
        configuration.engine.nodeTag = "n007"
        configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        configuration.engine.logger = configuration.logger
        let io = Server(configuration: configuration)
        _ = io.of { name, _ in name.utf8.starts(with: "/made-".utf8) }
        io.onConnection { socket in
            socket.join("lobby")
            socket.on("say") { (_: String) in }
            socket.emit("ask", ack: { _ in })
        }
        let page = MetricsPage(
            registry: MetricRegistry(), server: io, readiness: Readiness(), version: "1.2.3", cluster: nil)
        do {
            let port = try #require(try await io.listen()?.port)
            let client = try await SocketTestClient.connect(to: ServerAddress(port: port))
            let socket = try await client.join()
            try await socket.acknowledge(try await socket.next("ask"), 1)
            try await client.join("/made-1")
            try await client.join("/made-2")
            try await socket.emit("say", "hello")
            try await eventually("the event") {
                try PrometheusText(await page.render())["socketio_events_received_total"] == 1
            }
            // The figures of one page are taken one after the other, so those of the engine may be older than the event.
            let text = try PrometheusText(await page.render())
            // `0`, `30[1]`, `0/made-1,`, `0/made-2,`, `2["say","hello"]`, and what they were answered.
            let received = ["0", "30[1]", "0/made-1,", "0/made-2,", #"2["say","hello"]"#]
            #expect(text["engineio_messages_received_total"] == 5)
            #expect(text["engineio_received_bytes_total"] == Double(received.reduce(0) { $0 + $1.utf8.count }))
            #expect(text["engineio_messages_sent_total"] == 4)
            #expect(text["engineio_queued_bytes"] == 0)
            #expect(text["socketio_acknowledgements_received_total"] == 1)
            #expect(text["socketio_acknowledgement_latency_seconds_count"] == 1)
            #expect(text["socketio_namespaces", ["namespace": "/"]] == 1)
            #expect(text["socketio_namespaces", ["namespace": "dynamic"]] == 2)
            #expect(text["socketio_sockets", ["namespace": "/"]] == 1)
            #expect(text["socketio_sockets", ["namespace": "dynamic"]] == 2)
            #expect(text["socketio_rooms", ["namespace": "/"]] == 1)
            #expect(text["socketio_rooms", ["namespace": "dynamic"]] == 0)
            #expect(text["socketio_ready"] == 0 && text["socketio_draining"] == 0 && text["socketio_overloaded"] == 0)
            #expect(text["socketio_build_info", ["node": "n007", "version": "1.2.3"]] == 1)
            #expect(text["socketio_adapter_info", ["adapter": "memory"]] == 1)
            await client.close()
        } catch {
            await io.close()
            throw error
        }
        await io.close()
    }

    /// What waits for a client that does not poll, and what is waited for of clients.
    @Test func whatIsHeldAndWhatWaitsIsShown() async throws {
        var configuration = ServerConfiguration()
        configuration.eventLoops = 1
        configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        configuration.engine.logger = configuration.logger
        let io = Server(configuration: configuration)
        io.onConnection { socket in
            socket.on("ask") { () in socket.emit("asked", ack: { _ in }) }
        }
        let page = MetricsPage(
            registry: MetricRegistry(), server: io, readiness: Readiness(), version: "1.2.3", cluster: nil)
        func shown() async throws -> PrometheusText { try PrometheusText(await page.render()) }
        do {
            let port = try #require(try await io.listen()?.port)
            let client = try await SocketTestClient.connect(to: ServerAddress(port: port))
            let socket = try await client.join()
            // The heartbeat; the time for the CONNECT is no longer waited for.
            #expect(try await shown()["socketio_timers"] == 1)
            for _ in 0..<3 { try await socket.emit("ask") }
            let asked = try await socket.next("asked")
            for _ in 0..<2 { _ = try await socket.next("asked") }
            #expect(try await shown()["socketio_timers"] == 4)
            try await socket.acknowledge(asked, 1)
            try await eventually("one less") { try await shown()["socketio_timers"] == 3 }
            await client.close()
            try await eventually("none") { try await shown()["socketio_timers"] == 0 }

            #expect(try await shown()["engineio_held_bytes"] == 0)
            let target = "/socket.io/?EIO=4&transport=polling"
            let handshake = try await ask(port, target).text
            let sid = String(try #require(handshake.firstMatch(of: /"sid":"([^"]+)"/)).1)
            var poster = try BlockingClient(port: port)
            try poster.send(
                "POST \(target)&sid=\(sid) HTTP/1.1\r\nHost: x\r\n"
                    + "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n40")
            _ = try poster.receive(through: "ok")
            io.emit("text", String(repeating: "x", count: 100_000))
            try await eventually("held") { io.heldBytes > 100_000 }
            #expect(try await shown()["engineio_held_bytes"] == Double(io.heldBytes))
            #expect(io.heldBytes < 200_000)
            #expect(try await ask(port, "\(target)&sid=\(sid)").text.utf8.count > 100_000)
            try await eventually("nothing is held") { try await shown()["engineio_held_bytes"] == 0 }
        } catch {
            await io.close()
            throw error
        }
        await io.close()
    }
}
