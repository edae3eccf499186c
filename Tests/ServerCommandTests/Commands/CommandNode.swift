// Part of socketio-server, MIT licence; see LICENSE.

internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

/// A running server with the HTTP API, and the commands that ask it.
struct CommandNode {
    static let secret = "0123456789abcdef"

    let process: RunningProcess
    let port: Int
    let operations: Int

    static func start(_ more: [String: String] = [:]) async throws -> CommandNode {
        let process = try RunningProcess.server(
            ["--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--operations-port", "0"],
            environment: [
                "SOCKETIO_API_TOKENS": "all:emit+manage+read:\(secret),reader:read:fedcba9876543210",
                "SOCKETIO_CHAT_ENABLED": "false",
            ].merging(more) { $1 })
        return CommandNode(
            process: process, port: try await process.port(), operations: try await process.operationsPort())
    }

    func socket(_ name: String = "/") async throws -> TestSocket {
        try await SocketTestClient.connect(to: ServerAddress(port: port)).join(name)
    }

    /// Runs a command that finds the node in its environment.
    func run(_ arguments: [String], token: String? = secret) async throws -> (code: Int32, output: String) {
        var environment = ["SOCKETIO_URL": "http://127.0.0.1:\(operations)"]
        environment["SOCKETIO_TOKEN"] = token
        return try await Self.run(arguments, environment)
    }

    static func run(
        _ arguments: [String], _ environment: [String: String] = [:]
    ) async throws -> (code: Int32, output: String) {
        let command = try RunningProcess.server(arguments, environment: environment)
        return (try await command.exitCode(), command.output)
    }
}
