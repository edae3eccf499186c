// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import ProcessTesting
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// The HTTP API of the executable.
@Suite struct HTTPAPIProcessTests {
    private static let quick = ["--host", "127.0.0.1", "--port", "0", "--event-loops", "1"]
    private static let environment = [
        "SOCKETIO_API_TOKENS": "shop:emit+manage+read:0123456789abcdef", "SOCKETIO_CHAT_ENABLED": "false",
    ]

    private static func post(_ port: Int, _ path: String, _ body: String) async throws -> HTTPTestResponse {
        let request = HTTPTestRequest(
            "POST", path, headers: [("Authorization", "Bearer 0123456789abcdef")], body: Array(body.utf8))
        let connection = try await HTTPTestConnection.connect(to: ServerAddress(port: port), sending: request)
        return try await connection.responses.next(within: .seconds(30))
    }

    @Test(.timeLimit(.minutes(2))) func theOperationsListenerAnswersIt() async throws {
        let server = try RunningProcess.server(
            Self.quick + ["--operations-port", "0"], environment: Self.environment)
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let socket = try await SocketTestClient.connect(to: ServerAddress(port: port)).join()
        #expect(try await Self.post(operations, "/api/emit", #"{"event":"news"}"#).status == 200)
        #expect(try await socket.next("news").arguments == [])
        // The public listener does not, unless it is told to.
        #expect(try await Self.post(port, "/api/emit", #"{"event":"news"}"#).status == 404)
        let metrics = try PrometheusText(try await ask(operations, "/metrics").text)
        #expect(metrics["socketio_api_requests_total", ["operation": "emit", "status": "200"]] == 1)
    }

    @Test(.timeLimit(.minutes(2))) func thePublicListenerAnswersItWhenToldTo() async throws {
        let server = try RunningProcess.server(
            Self.quick + ["--api-public-listener"], environment: Self.environment)
        let port = try await server.port()
        let socket = try await SocketTestClient.connect(to: ServerAddress(port: port)).join()
        #expect(try await Self.post(port, "/api/emit", #"{"event":"news"}"#).status == 200)
        #expect(try await socket.next("news").arguments == [])
    }

    @Test(.timeLimit(.minutes(2)), .enabled(if: RedisServer.isInstalled)) func itReachesTheSocketsOfOtherNodes()
        async throws
    {
        let redis = try RedisServer()
        try await redis.start()
        func node(_ more: [String]) throws -> RunningProcess {
            try .server(
                Self.quick + ["--adapter", "redis"] + more,
                environment: Self.environment.merging(["SOCKETIO_REDIS_URL": redis.url]) { $1 })
        }
        let first = try node(["--operations-port", "0"])
        let second = try node(["--api-public-listener"])
        let (operations, port) = (try await first.operationsPort(), try await second.port())
        _ = try await first.line { $0.contains("a node has joined") ? true : nil }
        let socket = try await SocketTestClient.connect(to: ServerAddress(port: port)).join()
        socket.answer("sum") { _ in [.number(7)] }
        let answer = try await Self.post(operations, "/api/emit", #"{"event":"sum","ackTimeoutMs":20000}"#).value
        #expect(answer["answers"]?[0]?["args"] == [7])
        #expect(try await Self.post(operations, "/api/join", #"{"everyone":true,"rooms":"far"}"#).status == 200)
        try await eventually("it has joined") {
            try await Self.post(port, "/api/emit", #"{"event":"hello","to":"far","ackTimeoutMs":1}"#).status == 200
        }
        #expect(try await socket.next("hello").arguments == [])
        #expect(try await Self.post(operations, "/api/disconnect", #"{"to":"\#(socket.id)"}"#).status == 200)
    }
}
