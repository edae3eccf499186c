// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import Testing

@testable internal import socketio_server

/// `config/systemd`.
@Suite struct SystemdFileTests {
    private static let unit = "config/systemd/socketio-server.service"
    private static let command = "/usr/local/bin/socketio-server"

    private static func values(_ key: String) throws -> [String] {
        try shipped(unit).split(separator: "\n").filter { $0.hasPrefix("\(key)=") }.map {
            String($0.dropFirst(key.count + 1))
        }
    }

    @Test func systemdTakesIt() throws {
        // The command must exist, and the one that was built is elsewhere.
        let text = try shipped(Self.unit).replacing(Self.command, with: BuiltProduct.path("socketio-server"))
        let file = try TemporaryFile(text, name: "socketio-server.service")
        let check = try RunningProcess.run("/usr/bin/systemd-analyze", ["verify", "--man=no", file.path])
        #expect(check.code == 0, "\(check.output)")
        #expect(!check.output.contains("socketio-server.service"), "\(check.output)")
    }

    @Test func thereIsTimeToDrain() async throws {
        let settings = try await SettingsLoader(
            configFile: packageRoot.appendingPathComponent("config/production.yaml").path, environment: [:]
        ).load().settings
        let patience = try #require(milliseconds(try Self.values("TimeoutStopSec").first))
        #expect(patience > settings.drain.windowMs + settings.shutdownTimeoutMs)
        #expect(try Self.values("KillSignal") == ["SIGTERM"])
        #expect(try Self.values("ExecReload") == ["/bin/kill -HUP $MAINPID"])
        #expect(try Self.values("ExecStart") == ["\(Self.command) run --config /etc/socketio/socketio.yaml"])
        #expect(try Self.values("DynamicUser") == ["yes"])
        let descriptors = try #require(try Self.values("LimitNOFILE").first.flatMap { Int($0) })
        #expect(descriptors > 2 * (settings.admission.maxSessions ?? .max))
    }

    @Test func theVariablesAreSettings() async throws {
        // With what is commented out, too.
        var environment: [String: String] = [:]
        for line in try shipped("config/systemd/socketio-server.env").split(separator: "\n") {
            guard let match = line.wholeMatch(of: /#?(SOCKETIO_[A-Z_]+)=(.*)/) else { continue }
            environment[String(match.1)] = match.2.isEmpty ? "0123456789abcdef" : String(match.2)
        }
        #expect(environment.count >= 3)
        let file = packageRoot.appendingPathComponent("config/production.yaml").path
        let loaded = try await SettingsLoader(configFile: file, environment: environment).load()
        #expect(loaded.settings.nodeTag == "n001")
    }
}
