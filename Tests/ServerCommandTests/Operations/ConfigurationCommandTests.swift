// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import Testing

@testable internal import socketio_server

@Suite struct ConfigurationCommandTests {
    @Test func initWritesAFileThatLoadsAndNeverLosesOne() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("init-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("my.yaml").path
        let first = try RunningProcess.server(["init", file])
        #expect(try await first.exitCode() == 0)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == SettingsReference.yaml)
        #expect(try await SettingsLoader(configFile: file, environment: [:]).load().settings == Settings())

        try Data("port: 1\n".utf8).write(to: URL(fileURLWithPath: file))
        let second = try RunningProcess.server(["init", file])
        #expect(try await second.exitCode() == 1)
        #expect(second.output.contains("exists"))
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "port: 1\n")
        let forced = try RunningProcess.server(["init", file, "--force"])
        #expect(try await forced.exitCode() == 0)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == SettingsReference.yaml)
        let nowhere = try RunningProcess.server(["init", folder.path + "/no/folder.yaml"])
        #expect(try await nowhere.exitCode() == 1)
    }

    @Test func initPrints() async throws {
        let server = try RunningProcess.server(["init", "-"])
        #expect(try await server.exitCode() == 0)
        #expect(server.output == SettingsReference.yaml)
    }

    @Test func printConfigTellsValuesAndSources() async throws {
        let server = try RunningProcess.server(
            ["print-config", "--port", "1234"],
            environment: ["SOCKETIO_PATH": "/x", "SOCKETIO_OPERATIONS_TOKEN": "hunter2"])
        #expect(try await server.exitCode() == 0)
        let lines = server.output.split(separator: "\n")
        #expect(lines.count == SettingTable.all.count)
        #expect(lines.contains { $0.hasPrefix("port: 1234 ") && $0.hasSuffix("# flag --port") })
        #expect(lines.contains { $0.hasSuffix("# environment variable SOCKETIO_PATH") })
        #expect(lines.contains { $0.hasPrefix("operations.token: *** ") })
        #expect(!server.output.contains("hunter2"))
        let defaults = try RunningProcess.server(["print-config", "--defaults", "--port", "1234"])
        #expect(try await defaults.exitCode() == 0)
        #expect(defaults.output.split(separator: "\n").contains("port: 3000"))
        let wrong = try RunningProcess.server(["print-config"], environment: ["SOCKETIO_PORT": "x"])
        #expect(try await wrong.exitCode() == 78)
    }
}
