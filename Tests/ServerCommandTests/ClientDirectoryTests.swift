// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// The browser client is found from any working directory.
@Suite struct ClientDirectoryTests {
    private static func folder(with path: String?) throws -> String {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("client-\(UUID().uuidString)")
        if let path {
            let folder = root.appendingPathComponent(path)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data("x".utf8).write(to: folder.appendingPathComponent("socket.io.min.js"))
        }
        return root.path
    }

    @Test(arguments: [
        (".cache/client", ".build/x86_64-unknown-linux-gnu/release/socketio-server"),
        (".cache/client", ".build/debug/socketio-server"), ("client", "socketio-server"),
        ("share/socketio/client", "bin/socketio-server"), ("share/socketio-server/client", "bin/socketio-server"),
    ])
    func besideTheProgram(files: String, program: String) throws {
        let root = try Self.folder(with: files)
        defer { try? FileManager.default.removeItem(atPath: root) }
        #expect(ClientDirectory.find("no such folder", executable: "\(root)/\(program)") == "no such folder")
        let missing = Settings().client.directory
        guard !FileManager.default.fileExists(atPath: missing) else { return }
        #expect(ClientDirectory.find(missing, executable: "\(root)/\(program)") == "\(root)/\(files)")
        #expect(ClientDirectory.find(missing, executable: "/nowhere/bin/x") == missing)
        #expect(ClientDirectory.find(missing, executable: nil) == missing)
    }

    @Test func theOrderOfPlaces() {
        #expect(
            ClientDirectory.candidates(for: "/clone/.build/release/socketio-server") == [
                "/clone/.cache/client", "/clone/.build/release/client",
                "/clone/.build/share/socketio-server/client", "/clone/.build/share/socketio/client",
            ])
        #expect(
            ClientDirectory.candidates(for: "/usr/local/bin/socketio-server") == [
                "/usr/local/bin/client", "/usr/local/share/socketio-server/client", "/usr/local/share/socketio/client",
            ])
    }

    /// The server of the tests runs in /tmp and was built in a clone.
    @Test func aServerStartedElsewhereServesTheClientOfItsClone() async throws {
        let files = packageRoot.appendingPathComponent(".cache/client/socket.io.min.js")
        let expected = try #require(try? Data(contentsOf: files), "the client is not fetched: 'make client'")
        let server = try RunningProcess.server(["--host", "127.0.0.1", "--port", "0"])
        let port = try await server.port()
        let http = try await HTTPTestConnection.connect(to: ServerAddress(port: port))
        let answer = try await http.request(HTTPTestRequest("GET", "/socket.io/socket.io.min.js"))
        #expect(answer.status == 200 && answer.body == Array(expected))
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }
}
