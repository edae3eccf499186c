// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// The executable, and which pages may use it.
@Suite struct OriginProcessTests {
    private static let base = "host: 127.0.0.1\nport: 0\neventLoops: 1\nlimits: {keepAliveTimeoutMs: 600000}\n"
    private static let polling = "/socket.io/?EIO=4&transport=polling"

    private func statuses(_ port: Int, _ origin: String?, host: String) async throws -> [Int] {
        let headers = [("Host", host)] + (origin.map { [("Origin", $0)] } ?? [])
        let polling = try await ask(port, Self.polling, headers: headers)
        let connection = try await HTTPTestConnection.connect(to: ServerAddress(port: port))
        let upgrade = WebSocketTestClient.upgradeRequest(
            path: "/socket.io/?EIO=4&transport=websocket", headers: headers.map { (name: $0.0, value: $0.1) })
        let webSocket = try await connection.request(upgrade)
        await connection.close()
        return [polling.status, webSocket.status]
    }

    @Test(.timeLimit(.minutes(2))) func pagesOfItsOwnUntilToldOtherwise() async throws {
        let folder = try TemporaryFolder()
        func write(_ text: String) throws { try folder.write(Self.base + text) }
        try write("")
        let server = try RunningProcess.server(["--config", folder.file])
        let port = try await server.port()
        for (origin, expected) in [
            (nil, [200, 101]), ("http://chat.example:8080", [200, 101]), ("https://chat.example:8080", [200, 101]),
            ("http://chat.example", [403, 403]), ("https://evil.example", [403, 403]), ("null", [403, 403]),
        ] as [(String?, [Int])] {
            #expect(try await statuses(port, origin, host: "chat.example:8080") == expected, "\(origin ?? "none")")
        }
        let refused = try await ask(port, Self.polling, headers: [("Origin", "https://evil.example")])
        #expect(refused.text == #"{"code":4,"message":"Forbidden: cors.origin does not allow this origin"}"#)
        #expect(refused["access-control-allow-origin"] == nil)
        try await eventually("the line") {
            // One line a second: it may be about any of these.
            server.output.contains("cors.origin does not allow the page it comes from host=")
        }
        // Files are for everybody, and what is listed takes the place of the server's own pages.
        try write("cors: {origin: [\"https://app.example\", \"null\", \"capacitor://localhost\"], credentials: true}\n")
        try await reload(server)
        for (origin, expected) in [
            (nil, [200, 101]), ("https://app.example", [200, 101]), ("null", [200, 101]),
            ("capacitor://localhost", [200, 101]), ("http://chat.example:8080", [403, 403]),
        ] as [(String?, [Int])] {
            #expect(try await statuses(port, origin, host: "chat.example:8080") == expected, "\(origin ?? "none")")
        }
        try write("cors: {origin: \"*\"}\n")
        try await reload(server)
        #expect(try await statuses(port, "https://evil.example", host: "x") == [200, 101])
        try write("cors: {origin: [\"https://app.example\"], enforce: false}\n")
        try await reload(server)
        #expect(try await statuses(port, "https://evil.example", host: "x") == [200, 101])
        #expect(!server.output.contains("every page of the web may connect"))
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
        let open = try RunningProcess.server(["--config", folder.file])
        _ = try await open.port()
        #expect(open.output.contains("every page of the web may connect: cors.enforce is false"))
        open.signal(SIGTERM)
        #expect(try await open.exitCode() == 0)
    }

    /// Pages of the chat run what they were shipped with, and nothing else.
    @Test func pagesHaveAPolicy() async throws {
        let server = try RunningProcess.server(["--host", "127.0.0.1", "--port", "0", "--event-loops", "1"])
        let port = try await server.port()
        // `chat.js` names every other script, since each of them has something that it needs.
        let scripts = try await ask(port, "/chat.js").text.matches(of: /from '\.(\/[a-z-]+\.js)'/).map { String($0.1) }
        #expect(scripts.count > 10)
        for path in ["/", "/index.html", "/chat.js", "/chat.css", "/icon.svg"] + scripts {
            let answer = try await ask(port, path)
            #expect(answer.status == 200, "\(path)")
            let policy = answer["content-security-policy"] ?? ""
            #expect(policy.contains("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "\(path)")
            #expect(answer["x-content-type-options"] == "nosniff" && answer["referrer-policy"] == "no-referrer")
        }
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    /// Pages of the chat come compressed, are kept by browsers, and are asked for again.
    @Test func pagesAreCompressed() async throws {
        let server = try RunningProcess.server(["--host", "127.0.0.1", "--port", "0", "--event-loops", "1"])
        let port = try await server.port()
        for path in ["/", "/chat.js", "/chat.css"] {
            let plain = try await ask(port, path)
            let packed = try await ask(port, path, headers: [("Accept-Encoding", "gzip")])
            #expect(packed["content-encoding"] == "gzip" && plain["content-encoding"] == nil, "\(path)")
            #expect(packed.body.count < plain.body.count && packed.body.starts(with: [0x1F, 0x8B]), "\(path)")
            #expect(packed["vary"] == "Accept-Encoding" && plain["vary"] == "Accept-Encoding", "\(path)")
            let (tag, other) = (try #require(packed["etag"]), try #require(plain["etag"]))
            #expect(tag != other)
            let known = try await ask(
                port, path, headers: [("Accept-Encoding", "gzip"), ("If-None-Match", "\(other), \(tag)")])
            #expect(known.status == 304 && known.body.isEmpty && known["etag"] == tag, "\(path)")
            #expect(known["cache-control"] == "no-cache" && known["vary"] == "Accept-Encoding", "\(path)")
            #expect(known["content-length"] == nil, "\(path)")
        }
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    private func reload(_ server: RunningProcess) async throws {
        let count = { server.output.components(separatedBy: "settings reloaded").count }
        let before = count()
        server.signal(SIGHUP)
        try await eventually("reloaded", within: .seconds(60)) { count() > before }
    }

    /// A folder with a settings file.
    private final class TemporaryFolder {
        private let path = FileManager.default.temporaryDirectory.appendingPathComponent("origins-\(UUID().uuidString)")
        var file: String { path.appendingPathComponent("settings.yaml").path }

        init() throws { try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(at: path) }

        func write(_ text: String) throws { try text.write(toFile: file, atomically: true, encoding: .utf8) }
    }
}
