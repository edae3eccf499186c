// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// All that `/metrics` shows of a busy node of a cluster, read by Prometheus' own tool.
@Suite struct PromtoolTests {
    @Test(.timeLimit(.minutes(3))) func prometheusHasNothingToSay() async throws {
        let redis = try RedisServer()
        try await redis.start()
        let flags = [
            "--host", "127.0.0.1", "--port", "0", "--event-loops", "2", "--adapter", "redis", "--operations-port", "0",
            "--redis-heartbeat-interval-ms", "500",
        ]
        let environment = ["SOCKETIO_REDIS_URL": redis.url]
        let servers = [
            try RunningProcess.server(flags, environment: environment),
            try RunningProcess.server(flags, environment: environment),
        ]
        for server in servers { _ = try await server.line { $0.contains("a node has joined") ? true : nil } }
        let (port, operations) = (try await servers[0].port(), try await servers[0].operationsPort())
        for transport: TestTransport in [.polling, .websocket, .upgrade] {
            let socket = try await SocketTestClient.connect(to: ServerAddress(port: port), transport: transport)
                .join("/", auth: ["name": .string("\(transport)")])
            _ = try await socket.emitWithAck("join", "lobby")
            _ = try await socket.emitWithAck("message", "room:lobby", "hello")
        }
        #expect(try await ask(port, "/socket.io/?EIO=4&transport=polling&sid=x").status == 400)
        var text = ""
        try await eventually("the heartbeat's way", within: .seconds(60)) {
            text = try await ask(operations, "/metrics").text
            return try PrometheusText(text)["socketio_adapter_lag_seconds"] ?? 0 > 0
        }
        let metrics = try PrometheusText(text)
        #expect(Set(metrics.types.keys).subtracting(MetricCatalog.entries.keys).isEmpty)
        let missing = [
            "engineio_sessions", "engineio_session_closes_total", "engineio_upgrades_total", "engineio_refusals_total",
            "engineio_handshakes_refused_total", "engineio_received_bytes_total", "engineio_sent_bytes_total",
            "engineio_messages_sent_total", "engineio_queued_bytes", "engineio_dropped_messages_total",
            "engineio_slow_client_disconnects_total", "socketio_volatile_dropped_total", "socketio_sockets",
            "socketio_rooms", "socketio_events_received_total", "socketio_acknowledgement_latency_seconds",
            "socketio_event_loop_lag_seconds", "socketio_adapter_waiting_bytes", "socketio_adapter_lag_seconds",
        ].filter { metrics.types[$0] == nil }
        #expect(missing.isEmpty)
        #expect(metrics["socketio_adapter_state", ["state": "up"]] == 1)
        #expect(metrics["socketio_adapter_state"] == 1)
        #expect(metrics["socketio_adapter_info", ["adapter": "redis"]] == 1)
        #expect(metrics["socketio_acknowledgement_latency_seconds_count"] == 0)
        #expect(metrics["socketio_cluster_peers"] == 1)
        let file = try TemporaryFile(text, name: "metrics.txt")
        let check = try RunningProcess(
            "/bin/sh", ["-c", "exec promtool check metrics < \"$0\"", file.path])
        let code = try await check.exitCode()
        #expect(code == 0 && check.output.isEmpty, "\(check.output)")
    }
}
