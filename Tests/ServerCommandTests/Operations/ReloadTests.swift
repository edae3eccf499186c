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
        #expect(server.output.contains("settings=\"path pingIntervalMs\""), "\(server.output)")
        #expect(try await ask(port, handshake).status == 503)
        _ = try await server.line { $0.contains("debug") && $0.contains("handshake refused") ? true : nil }

        try folder.write("port: x\n")
        try await Self.reload(server, "the settings were not reloaded")
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

    @Test func theCertificateChanges() async throws {
        let folder = try Folder()
        try folder.makeCertificate("first.example")
        try folder.write(
            Self.base + "tls: {certificateFile: \(folder.path)/cert.pem, keyFile: \(folder.path)/key.pem}\n")
        let server = try folder.server()
        let port = try await server.port()
        #expect(try Self.subject(port).contains("first.example"))
        try folder.makeCertificate("second.example")
        #expect(try Self.subject(port).contains("first.example"))
        try await Self.reload(server)
        #expect(try Self.subject(port).contains("second.example"))
        // One that does not work is not taken.
        try Data("nothing".utf8).write(to: URL(fileURLWithPath: folder.path + "/cert.pem"))
        try await Self.reload(server, "the settings were not reloaded")
        #expect(try Self.subject(port).contains("second.example"))
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    private static func subject(_ port: Int) throws -> String {
        let output = try RunningProcess.run("/usr/bin/openssl", ["s_client", "-connect", "127.0.0.1:\(port)"]).output
        return output.split(separator: "\n").first { $0.hasPrefix("subject=") }.map(String.init) ?? output
    }

    @Test func whatIsTakenOverAreSettings() {
        #expect(Reload.keys.isSubset(of: SettingTable.byKey.keys))
    }
}
