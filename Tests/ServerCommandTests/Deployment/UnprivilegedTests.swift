// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// The server as containers and systemd run it: without any right that root has. Tests often run as root, where a call that
/// needs a right goes unnoticed.
@Suite struct UnprivilegedTests {
    private static func server(_ arguments: [String]) throws -> RunningProcess {
        // It leaves no database behind.
        let environment = ["PATH": "/usr/bin:/bin", "SOCKETIO_CHAT_STORE": "memory"]
        let command = [BuiltProduct.path("socketio-server")] + arguments
        guard geteuid() == 0 else {
            return try RunningProcess(
                command[0], Array(command.dropFirst()), environment: environment, directory: "/tmp")
        }
        return try RunningProcess(
            "/usr/bin/setpriv", ["--bounding-set=-all", "--no-new-privs"] + command, environment: environment,
            directory: "/tmp")
    }

    @Test func itServesWithoutPrivileges() async throws {
        let server = try Self.server(["--host", "127.0.0.1", "--port", "0", "--operations-port", "0"])
        let (port, operations) = (try await server.port(), try await server.operationsPort())
        let status = try String(contentsOfFile: "/proc/\(server.identifier)/status", encoding: .utf8)
        #expect(status.contains(/CapEff:\s+0+\n/), "\(status)")
        #expect(try await ask(port, "/healthz").status == 200)
        #expect(try await ask(operations, "/metrics").status == 200)
        for transport in [TestTransport.polling, .websocket] {
            let client = try await SocketTestClient.connect(to: ServerAddress(port: port), transport: transport)
            let socket = try await client.join(auth: ["name": .string("\(transport)")])
            #expect(try await socket.emitWithAck("join", "lobby").count == 1)
        }
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }
}
