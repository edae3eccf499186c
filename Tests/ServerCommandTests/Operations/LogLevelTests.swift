// Part of socketio-server, MIT licence; see LICENSE.

internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

@Suite struct LogLevelTests {
    private static let quick = ["--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--operations-port", "0"]

    private func put(_ level: String, to port: Int, token: String? = nil) async throws -> HTTPTestResponse {
        let request = HTTPTestRequest(
            "PUT", "/loglevel", headers: token.map { [("Authorization", "Bearer \($0)")] } ?? [],
            body: Array(level.utf8))
        let connection = try await HTTPTestConnection.connect(to: ServerAddress(port: port), sending: request)
        return try await connection.responses.next(within: .seconds(30))
    }

    @Test(.timeLimit(.minutes(2))) func whoKnowsTheTokenChangesTheLevel() async throws {
        let server = try RunningProcess.server(Self.quick, environment: ["SOCKETIO_OPERATIONS_TOKEN": "s3cret"])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let bearer = [(name: "Authorization", value: "Bearer s3cret")]
        #expect(try await ask(operations, "/loglevel").status == 401)
        #expect(try await ask(operations, "/loglevel", headers: bearer).text == "info\n")
        #expect(try await put("debug", to: operations).status == 401)
        #expect(try await put("debug", to: operations, token: "wrong").status == 401)
        #expect(try await put("loud", to: operations, token: "s3cret").status == 400)
        #expect(try await put(String(repeating: "x", count: 100), to: operations, token: "s3cret").status == 413)
        #expect(try await ask(port, "/socket.io/?EIO=4&transport=polling&sid=x").status == 400)
        #expect(!server.output.contains("request refused"))
        #expect(try await put("debug\n", to: operations, token: "s3cret").text == "debug\n")
        _ = try await server.line { $0.contains("the log level was changed") && $0.contains("to=debug") ? true : nil }
        #expect(try await ask(operations, "/loglevel", headers: bearer).text == "debug\n")
        #expect(try await ask(port, "/socket.io/?EIO=4&transport=polling&sid=x").status == 400)
        _ = try await server.line { $0.contains("debug   request refused") ? true : nil }
        #expect(try await ask(operations, "/loglevel", method: "POST", headers: bearer)["allow"] == "GET, HEAD, PUT")
        #expect(try await ask(port, "/loglevel").status == 404)
    }

    @Test(.timeLimit(.minutes(2))) func withoutATokenNobodyChangesIt() async throws {
        let server = try RunningProcess.server(Self.quick)
        let operations = try await server.operationsPort()
        #expect(try await put("trace", to: operations).status == 403)
        #expect(try await ask(operations, "/loglevel").text == "info\n")
    }
}
