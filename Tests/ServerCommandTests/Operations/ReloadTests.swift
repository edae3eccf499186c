// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

@Suite struct ReloadTests {
    /// A folder that goes with the value.
    private final class Folder {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("reload-\(UUID().uuidString)").path

        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func write(_ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/settings.yaml"))
        }

        /// A certificate for this name, where the settings look for it.
        func makeCertificate(_ name: String) throws {
            let made = try RunningProcess.run(
                "/usr/bin/openssl",
                [
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=\(name)", "-keyout",
                    path + "/key.pem", "-out", path + "/cert.pem",
                ])
            guard made.code == 0 else { throw TestClientError.unexpected(made.output) }
        }

        func server() throws -> RunningProcess {
            try RunningProcess.server(["--config", path + "/settings.yaml"])
        }
    }

    private static let base = "host: 127.0.0.1\nport: 0\neventLoops: 1\n"

    /// How often the output has this text.
    private static func count(_ text: String, in server: RunningProcess) -> Int {
        server.output.components(separatedBy: text).count - 1
    }

    private static func reload(_ server: RunningProcess, _ text: String = "settings reloaded") async throws {
        let before = count(text, in: server)
        server.signal(SIGHUP)
        try await eventually(text, within: .seconds(30)) { count(text, in: server) > before }
    }

    @Test func levelsAndLimitsChangeAndOthersAreNamed() async throws {
        let folder = try Folder()
        try folder.write(Self.base)
        let server = try folder.server()
        let port = try await server.port()
        let handshake = "/socket.io/?EIO=4&transport=polling"
        #expect(try await ask(port, handshake).status == 200)
        #expect(!server.output.contains("debug"))

        try folder.write(
            Self.base + "log: {level: debug}\nadmission: {maxSessions: 1}\npath: /other\npingIntervalMs: 9999\n")
        try await Self.reload(server)
        #expect(server.output.contains("changed=\"admission.maxSessions log.level\""), "\(server.output)")
        for line in [
            "needs a restart new=\"\\\"/other\\\"\" old=\"\\\"/socket.io\\\"\" setting=path",
            "needs a restart new=9999 old=25000 setting=pingIntervalMs",
        ] {
            #expect(server.output.contains(line), "\(server.output)")
        }
        #expect(try await ask(port, handshake).status == 503)
        _ = try await server.line { $0.contains("debug") && $0.contains("handshake refused") ? true : nil }

        try folder.write("port: x\n")
        try await Self.reload(server, "the settings were not reloaded")
        #expect(server.output.contains("a problem in the settings"), "\(server.output)")
        #expect(server.output.contains("expected a whole number, found 'x'"), "\(server.output)")
        #expect(try await ask(port, handshake).status == 503)

        try folder.write(Self.base)
        try await Self.reload(server)
        let (opened, lines) = (try await ask(port, handshake).status, Self.count(" debug ", in: server))
        #expect(opened == 200)
        #expect(try await ask(port, handshake + "&sid=unknown").status == 400)
        #expect(Self.count(" debug ", in: server) == lines)
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0 || server.output.contains("closed"))
    }

    @Test(arguments: [false, true])
    func theCertificateChanges(isWatched: Bool) async throws {
        let folder = try Folder()
        try folder.makeCertificate("first.example")
        try folder.write(
            Self.base + "reload: {watch: \(isWatched), intervalMs: 50}\n"
                + "tls: {certificateFile: \(folder.path)/cert.pem, keyFile: \(folder.path)/key.pem}\n")
        let server = try folder.server()
        let port = try await server.port()
        #expect(try Self.subject(port).contains("first.example"))
        try folder.makeCertificate("second.example")
        if !isWatched {
            #expect(try Self.subject(port).contains("first.example"))
            server.signal(SIGHUP)
        }
        try await eventually("the other certificate", within: .seconds(60)) {
            try Self.subject(port).contains("second.example")
        }
        // One that does not work is not taken.
        let failures = Self.count("the settings were not reloaded", in: server)
        try Data("nothing".utf8).write(to: URL(fileURLWithPath: folder.path + "/cert.pem"))
        if !isWatched { server.signal(SIGHUP) }
        try await eventually("the refusal", within: .seconds(60)) {
            Self.count("the settings were not reloaded", in: server) > failures
        }
        #expect(try Self.subject(port).contains("second.example"))
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    private static func subject(_ port: Int) throws -> String {
        let output = try RunningProcess.run("/usr/bin/openssl", ["s_client", "-connect", "127.0.0.1:\(port)"]).output
        return output.split(separator: "\n").first { $0.hasPrefix("subject=") }.map(String.init) ?? output
    }

    @Test func originsChangeAlsoForConnectionsThatAreOpen() async throws {
        let folder = try Folder()
        func cors(_ name: String) -> String {
            "limits: {keepAliveTimeoutMs: 600000}\ncors: {origin: [\"https://\(name).example\"], enforce: true}\n"
        }
        try folder.write(Self.base + cors("one"))
        let server = try folder.server()
        let port = try await server.port()
        let kept = try await HTTPTestConnection.connect(to: ServerAddress(port: port))
        func handshake(from origin: String) async throws -> Int {
            let request = HTTPTestRequest(
                "GET", "/socket.io/?EIO=4&transport=polling", headers: [("Origin", "https://\(origin).example")])
            let response = try await kept.request(request, within: .seconds(30))
            #expect(
                response["access-control-allow-origin"] == (response.status == 200 ? "https://\(origin).example" : nil))
            return response.status
        }
        #expect(try await handshake(from: "one") == 200)
        try folder.write(Self.base + cors("two"))
        try await Self.reload(server)
        // Each event loop takes them on its own, perhaps a moment after the line in the log.
        try await eventually("the new origins", within: .seconds(30)) { try await handshake(from: "two") == 200 }
        await kept.close()
        let refused = try await ask(
            port, "/socket.io/?EIO=4&transport=polling", headers: [("Origin", "https://one.example")])
        #expect(refused.status == 403)
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    @Test func limitsOfMessagesChangeForNewSessions() async throws {
        let folder = try Folder()
        try folder.write(Self.base + "maxHttpBufferSize: 2000\n")
        let server = try folder.server()
        let address = ServerAddress(port: try await server.port())
        func client(_ transport: TestTransport) async throws -> (SocketTestClient, TestSocket) {
            let client = try await SocketTestClient.connect(to: address, transport: transport)
            return (
                client, try await client.join("/", auth: ["name": .string("n\(Int.random(in: 0..<1_000_000_000))")])
            )
        }
        // Whether a session outlives a message of this size.
        func takes(_ bytes: Int, _ client: (SocketTestClient, TestSocket)) async -> Bool {
            (try? await client.1.emitWithAck("rooms", .string(String(repeating: "x", count: bytes)))) != nil
        }
        let old = [try await client(.websocket), try await client(.polling), try await client(.polling)]
        try folder.write(Self.base + "maxHttpBufferSize: 10000\n")
        try await Self.reload(server)
        for transport in [TestTransport.websocket, .polling] {
            let new = try await client(transport)
            #expect(await takes(8000, new))
            await new.0.close()
        }
        // Those that were open keep what they were told.
        #expect(await takes(1000, old[2]))
        for session in old { #expect(await takes(8000, session) == false) }
        for session in old { await session.0.close() }
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    @Test func filesAreWatched() async throws {
        let folder = try Folder()
        let watch = "reload: {watch: true, intervalMs: 50}\n"
        try folder.write(Self.base + watch)
        let server = try folder.server()
        let port = try await server.port()
        let handshake = "/socket.io/?EIO=4&transport=polling"
        #expect(try await ask(port, handshake).status == 200)
        func seen(_ text: String, after write: () throws -> Void) async throws {
            let before = Self.count(text, in: server)
            try write()
            try await eventually(text, within: .seconds(60)) { Self.count(text, in: server) > before }
        }
        try await seen("settings reloaded") { try folder.write(Self.base + watch + "admission: {maxSessions: 1}\n") }
        #expect(server.output.contains("a file has changed"))
        #expect(try await ask(port, handshake).status == 503)
        try await seen("the settings were not reloaded") {
            try folder.write(Self.base + watch + "admission: {maxSessions: -1}\nloud: true\n")
        }
        #expect(Self.count("a problem in the settings", in: server) == 2)
        #expect(try await ask(port, handshake).status == 503)
        try await seen("the settings were not reloaded") {
            try FileManager.default.removeItem(atPath: folder.path + "/settings.yaml")
        }
        try await seen("settings reloaded") { try folder.write(Self.base + watch) }
        #expect(try await ask(port, handshake).status == 200)
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    @Test func whatIsTakenOverAreSettings() {
        #expect(Set(SettingTable.reloadable.keys).isSubset(of: SettingTable.byKey.keys))
        #expect(SettingTable.byKey["port"]?.reload == .restart)
        #expect(SettingTable.byKey["auth.jwt.secret"]?.reload == .live)
    }

    @Test func whatStandsInFrontOfEverythingNeedsARestartToComeOrGo() throws {
        var (off, on, other) = (Settings(), Settings(), Settings())
        off.auth.jwt.mode = .off
        on.auth.jwt.mode = .required
        other.auth.jwt.mode = .optional
        let mode = try #require(SettingTable.byKey["auth.jwt.mode"])
        #expect(!Reload.isTaken(mode, off, on) && !Reload.isTaken(mode, on, off) && Reload.isTaken(mode, on, other))
    }

    @Test func secretsAreNotShown() throws {
        let secret = try #require(SettingTable.byKey["auth.jwt.secret"])
        #expect(secret.shown(.text("very secret")) == "***" && secret.shown(.unset) == "null")
        let url = try #require(SettingTable.byKey["auth.jwt.jwksUrl"])
        #expect(url.shown(.text("https://u:pass@h/x")) == "\"https://u:***@h/x\"")
    }
}
