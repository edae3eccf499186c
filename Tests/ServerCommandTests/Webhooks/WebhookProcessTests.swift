// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import ProcessTesting
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

/// Webhooks of the executable.
@Suite struct WebhookProcessTests {
    @Test(.timeLimit(.minutes(2))) func theyAreDeliveredAndCounted() async throws {
        let receiver = try await WebhookReceiver()
        let server = try RunningProcess.server(
            [
                "--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--operations-port", "0", "--node-tag",
                "n001",
            ],
            environment: [
                "SOCKETIO_WEBHOOKS_URL": receiver.url, "SOCKETIO_WEBHOOKS_SECRET": WebhookReceiver.secret,
                "SOCKETIO_CHAT_ENABLED": "false",
            ])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let socket = try await SocketTestClient.connect(to: ServerAddress(port: port)).join()
        #expect(try await receiver.events(1)[0]["socket"] == .string(socket.id))
        try await eventually("it is counted") {
            let metrics = try PrometheusText(try await ask(operations, "/metrics").text)
            return metrics["socketio_webhook_events_total", ["outcome": "delivered"]] == 1
                && metrics["socketio_webhook_queued_bytes"] == 0
        }
        // The end tells of it, before the process is gone.
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
        #expect(receiver.events.map { $0["id"] } == ["n001-1", "n001-2"])
        #expect(receiver.events.last?["type"] == "disconnect" && receiver.wrongSignatures == 0)
        await receiver.close()
    }
}
