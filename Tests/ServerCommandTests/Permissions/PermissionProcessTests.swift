// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// Rules and callbacks of the executable.
@Suite struct PermissionProcessTests {
    @Test(.timeLimit(.minutes(2))) func tokensRulesAndCallbacksTogether() async throws {
        let maker = try TokenMaker()
        let secret = "0123456789-0123456789-0123456789-01"
        let receiver = try await PermissionReceiver { question in
            switch question["type"]?.string {
            case "connect": question["claims"]?["banned"] == true ? (403, "{\"message\":\"Banned\"}") : (204, "")
            default: (200, "{\"allow\":\(question["room"] == "guests")}")
            }
        }
        let server = try RunningProcess.server(
            [
                "--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--operations-port", "0",
                "--rooms-allow", "team:{teams} role=player", "--callback-connect-url", receiver.url,
                "--callback-room-url", receiver.url, "--auth-jwt-mode", "required",
            ],
            environment: [
                "SOCKETIO_CHAT_ENABLED": "false", "SOCKETIO_CALLBACK_SECRET": WebhookReceiver.secret,
                "SOCKETIO_AUTH_JWT_SECRET": secret,
            ])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        func join(_ claims: String) async throws -> TestSocket {
            let token = try maker.hmac(secret, claims: claims)
            return try await SocketTestClient.connect(to: ServerAddress(port: port)).join(
                "/", auth: ["token": .string(token)])
        }
        let socket = try await join(#","teams":["red"],"role":"player""#)
        func code(_ room: String) async throws -> String? {
            try await socket.emitWithAck("room_join", .string(room)).first?["error"]?["data"]?["code"]?.string
        }
        #expect(try await code("team:red") == nil)
        #expect(try await code("team:blue") == "permission-denied")
        #expect(try await code("guests") == nil)
        let refused = await #expect(throws: RefusedNamespace.self) { try await join(#","banned":true"#) }
        #expect(refused?.reason["message"]?.string == "Banned")
        let metrics = try PrometheusText(try await ask(operations, "/metrics").text)
        #expect(metrics["socketio_room_requests_total", ["outcome": "joined"]] == 2)
        #expect(metrics["socketio_room_requests_total", ["outcome": "refused"]] == 1)
        #expect(metrics["socketio_callback_requests_total", ["callback": "connect", "outcome": "allowed"]] == 1)
        #expect(metrics["socketio_callback_requests_total", ["callback": "connect", "outcome": "denied"]] == 1)
        #expect(metrics["socketio_callback_requests_total", ["callback": "room"]] == 2)
        await receiver.close()
        // Nobody answers any more: the log says so, and nobody comes in.
        await #expect(throws: RefusedNamespace.self) { try await join("") }
        #expect(server.output.contains("a permission callback failed; the client is refused"))
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    @Test(arguments: [
        (
            "rooms: {allow: [\"*\"]}\nchat: {enabled: false}\n",
            "rooms.allow: '*' must begin with a part such as 'team:'"
        ),
        ("rooms: {allow: [news]}\n", "rooms.allow: needs chat.enabled: false"),
        (
            "callback: {roomUrl: \"http://h\", secret: 0123456789abcdef}\n",
            "callback.roomUrl: needs chat.enabled: false"
        ),
        ("callback: {connectUrl: \"http://h\"}\n", "callback.connectUrl: needs callback.secret"),
        ("callback: {connectUrl: h, secret: 0123456789abcdef}\n", "callback.connectUrl: 'h' is not accepted"),
        ("callback: {secret: short}\n", "callback.secret: the value is not accepted"),
        ("callback: {headers: [\"a b\"]}\n", "callback.headers: 'a b' is not the name of a header"),
    ])
    func wrongSettings(yaml: String, problem: String) async throws {
        let found = try await problems(yaml: yaml)
        #expect(found.count == 1 && found[0].contains(problem), "\(found)")
    }
}
