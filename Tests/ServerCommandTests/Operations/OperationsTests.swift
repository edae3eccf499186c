// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

extension RunningProcess {
    /// The port of the operations listener, from its line.
    func operationsPort() async throws -> Int {
        try await line { $0.firstMatch(of: /opsPort=(\d+)/).flatMap { Int($0.1) } }
    }
}

/// One request on a connection of its own.
func ask(
    _ port: Int, _ path: String, method: String = "GET", headers: [(name: String, value: String)] = []
) async throws -> HTTPTestResponse {
    let connection = try await HTTPTestConnection.connect(
        to: ServerAddress(port: port), sending: HTTPTestRequest(method, path, headers: headers))
    let response = try await connection.responses.next(within: .seconds(30))
    await connection.close()
    return response
}

@Suite struct OperationsTests {
    private static let quick = ["--host", "127.0.0.1", "--port", "0", "--event-loops", "2"]

    @Test func metricsTellWhatHappens() async throws {
        let server = try RunningProcess.server(
            Self.quick + ["--operations-port", "0", "--node-tag", "n001", "--chat-enabled=false"])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let before = try await ask(operations, "/metrics")
        #expect(before.status == 200)
        #expect(before["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(before["cache-control"] == "no-store")
        let first = try PrometheusText(before.text)
        #expect(first["socketio_ready"] == 1)
        #expect(first["socketio_draining"] == 0)
        #expect(first["socketio_build_info", ["node": "n001", "version": Version.current]] == 1)
        #expect(first["engineio_sessions"] == 0)
        // Whatever is shown is explained.
        let unknown = Set(first.types.keys).subtracting(MetricCatalog.entries.keys)
        #expect(unknown.isEmpty, "\(unknown)")

        let address = ServerAddress(port: port)
        let polling = try await SocketTestClient.connect(to: address, transport: .polling)
        let webSocket = try await SocketTestClient.connect(to: address, transport: .websocket)
        let upgraded = try await SocketTestClient.connect(to: address, transport: .upgrade)
        for client in [polling, webSocket, upgraded] { try await client.join().emit("nobody listens", .number(1)) }
        #expect(try await ask(port, "/socket.io/?EIO=4&transport=polling&sid=unknown").status == 400)
        try await eventually("the figures") {
            let text = try PrometheusText(try await ask(operations, "/metrics").text)
            return text["socketio_events_unhandled_total"] == 3
                && text["engineio_sessions", ["transport": "websocket"]] == 2
        }
        let text = try PrometheusText(try await ask(operations, "/metrics").text)
        #expect(text["engineio_sessions", ["transport": "polling"]] == 1)
        #expect(text["engineio_upgrades_total", ["outcome": "completed"]] == 1)
        #expect(text["engineio_refusals_total", ["code": "1"]] == 1)
        #expect(text["socketio_sockets", ["namespace": "/"]] == 3)
        #expect(text["socketio_connections_total"] == 3)
        #expect(text["socketio_events_received_total"] == 3)
        // CONNECT and event of each; the answers to CONNECT.
        #expect(text["engineio_messages_received_total"] == 6)
        #expect(text["engineio_messages_sent_total"] == 3)
        #expect(try #require(text["engineio_sent_bytes_total"]) > 300)
        #expect(text["engineio_queued_bytes"] == 0)
        #expect(try #require(text["process_resident_memory_bytes"]) > 1_000_000)
        #expect(try #require(text["process_open_fds"]) > 3)
        #expect(try #require(text["process_max_fds"]) >= 256)
        #expect(text["socketio_namespaces", ["namespace": "/"]] == 1)
        #expect(try #require(text["process_cpu_seconds_total"]) >= 0)
        let age = Date().timeIntervalSince1970 - (try #require(text["process_start_time_seconds"]))
        #expect((-5...600).contains(age))
        await webSocket.close()
        try await eventually("the close") {
            try PrometheusText(try await ask(operations, "/metrics").text)[
                "engineio_session_closes_total", ["reason": "transport close"]] == 1
        }
        try await eventually("the lag") {
            try PrometheusText(try await ask(operations, "/metrics").text)["socketio_event_loop_lag_seconds_count"] ?? 0
                >= 2
        }
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    @Test func theListenerAnswersNothingElse() async throws {
        let server = try RunningProcess.server(Self.quick + ["--operations-port", "0"])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        #expect(try await ask(operations, "/healthz").text == "ok\n")
        #expect(try await ask(operations, "/readyz").status == 200)
        #expect(try await ask(operations, "/metrics", method: "HEAD").status == 200)
        #expect(try await ask(operations, "/metrics?name[]=x").status == 200)
        #expect(try await ask(operations, "/metrics", method: "POST")["allow"] == "GET, HEAD")
        for path in ["/", "/socket.io/?EIO=4&transport=polling", "/socket.io/socket.io.js", "/metricsx"] {
            #expect(try await ask(operations, path).status == 404, "\(path)")
        }
        let upgrade = WebSocketTestClient.upgradeRequest(path: "/socket.io/?EIO=4&transport=websocket")
        let connection = try await HTTPTestConnection.connect(to: ServerAddress(port: operations))
        #expect(try await connection.request(upgrade).status == 404)
        // And the public one does not tell.
        #expect(try await ask(port, "/metrics").status == 404)
    }

    @Test func theTokenIsAskedFor() async throws {
        let server = try RunningProcess.server(
            Self.quick + ["--operations-port", "0", "--operations-host", "0.0.0.0"],
            environment: ["SOCKETIO_OPERATIONS_TOKEN": "s3cret-token"])
        let operations = try await server.operationsPort()
        // Ready when the public listener is up, too.
        _ = try await server.port()
        for value in ["", "s3cret-token", "Bearer", "Bearer s3cret", "Bearer s3cret-tokenx", "Basic s3cret-token"] {
            let response = try await ask(operations, "/metrics", headers: [("Authorization", value)])
            #expect(response.status == 401, "\(value)")
            #expect(response["www-authenticate"] == "Bearer")
        }
        #expect(try await ask(operations, "/metrics").status == 401)
        for value in ["Bearer s3cret-token", "bearer s3cret-token"] {
            #expect(try await ask(operations, "/metrics", headers: [("Authorization", value)]).status == 200)
        }
        // Those who only ask whether it lives cannot know tokens.
        #expect(try await ask(operations, "/healthz").status == 200)
        #expect(try await ask(operations, "/readyz").status == 200)
        #expect(!server.output.contains("s3cret"))
    }

    @Test func aTakenOperationsPortIsNamed() async throws {
        let first = try RunningProcess.server(Self.quick)
        let port = try await first.port()
        let second = try RunningProcess.server(Self.quick + ["--operations-port", "\(port)"])
        #expect(try await second.exitCode() == 1)
        #expect(second.output.contains("operations.port"))
    }

    @Test func withoutAPortThereIsNoListener() async throws {
        let server = try RunningProcess.server(Self.quick)
        _ = try await server.port()
        #expect(!server.output.contains("opsPort"))
    }

    @Test func theCookieModesAreReadAsTheyAreWritten() async throws {
        for mode in ["off", "tag", "sid"] {
            #expect(try await load(yaml: "cookie: {mode: \(mode)}").settings.cookie.mode.rawValue == mode)
        }
    }

    @Test(arguments: [
        ("localhost", true), ("127.0.0.1", true), ("127.9.8.7", true), ("::1", true), ("0.0.0.0", false),
        ("127.0.0.1.example.org", false), ("127.0.0", false), ("10.0.0.1", false), ("", false), ("127.0.0.256", false),
    ])
    func loopback(host: String, isLoopback: Bool) {
        #expect(SettingRules.isLoopback(host) == isLoopback)
    }
}
