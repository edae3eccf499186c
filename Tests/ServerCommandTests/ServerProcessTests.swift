// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import FoundationNetworking
internal import ProcessTesting
internal import Testing

@testable internal import socketio_server

@Suite struct ServerProcessTests {
    private static let quick = ["--host", "127.0.0.1", "--port", "0", "--event-loops", "2"]

    @Test(arguments: [SIGTERM, SIGINT])
    func startsServesAndEndsWhenTold(signal: Int32) async throws {
        let server = try RunningProcess.server(["run"] + Self.quick)
        let port = try await server.port()
        let (status, body) = try await get("http://127.0.0.1:\(port)/healthz")
        #expect(status == 200)
        #expect(body == "ok\n")
        let (engine, open) = try await get("http://127.0.0.1:\(port)/socket.io/?EIO=4&transport=polling")
        #expect(engine == 200)
        #expect(open.hasPrefix("0{\"sid\":\""))
        server.signal(signal)
        #expect(try await server.exitCode() == 0)
    }

    @Test func theStartLineSaysWhatRuns() async throws {
        let server = try RunningProcess.server(Self.quick + ["--log-format", "json", "--client-directory", "/nowhere"])
        let line = try await server.line { $0.contains("\"listening\"") ? $0 : nil }
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        let metadata = try #require(object?["metadata"] as? [String: String])
        #expect(object?["level"] as? String == "info")
        #expect(metadata["host"] == "127.0.0.1")
        #expect(metadata["adapter"] == "memory")
        #expect(metadata["eventLoops"] == "2")
        #expect(Int(metadata["port"] ?? "") ?? 0 > 0)
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
        let missing = server.output.split(separator: "\n").filter { $0.contains("No client files found") }
        #expect(missing.count == 1)
        #expect(missing.first?.contains("warning") == true)
    }

    /// One line for the process, and none when there are to be no client files, also with a listener for operators.
    @Test(arguments: [true, false]) func missingClientFilesAreOneLine(isEnabled: Bool) async throws {
        let server = try RunningProcess.server(
            Self.quick + [
                "--client-directory", "/nowhere", "--client-enabled=\(isEnabled)", "--operations-host", "127.0.0.1",
                "--operations-port", "0",
            ])
        _ = try await server.port()
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
        let missing = server.output.split(separator: "\n").count { $0.contains("No client files found") }
        #expect(missing == (isEnabled ? 1 : 0))
    }

    /// As Node does; the usual 1,024 would end at as many connections.
    @Test func theDescriptorLimitIsRaised() async throws {
        let server = try RunningProcess.server(["--port", "0"], descriptors: 256)
        _ = try await server.port()
        let limits = try String(contentsOfFile: "/proc/\(server.identifier)/limits", encoding: .utf8)
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
        let values = line.dropFirst("Max open files".count).split(separator: " ")
        #expect(values[0] == values[1] && values[0] != "256", "\(line)")
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    @Test func theHealthPathCanMoveAndBeOff() async throws {
        let moved = try RunningProcess.server(Self.quick + ["--health-path", "/up", "--chat-enabled=false"])
        let port = try await moved.port()
        #expect(try await get("http://127.0.0.1:\(port)/up").status == 200)
        #expect(try await get("http://127.0.0.1:\(port)/healthz").status == 404)
        let off = try RunningProcess.server(Self.quick + ["--health-path="])
        #expect(try await get("http://127.0.0.1:\(try await off.port())/healthz").status == 404)
    }

    @Test func settingsReachTheEngine() async throws {
        let server = try RunningProcess.server(
            Self.quick + ["--ping-interval-ms=1234"],
            environment: ["SOCKETIO_PATH": "/elsewhere", "SOCKETIO_NODE_TAG": "node"])
        let port = try await server.port()
        let open = try await get("http://127.0.0.1:\(port)/elsewhere/?EIO=4&transport=polling").body
        #expect(open.hasPrefix("0{\"sid\":\"node"))
        #expect(open.contains("\"pingInterval\":1234"))
    }

    @Test func aTakenPortIsNamed() async throws {
        let first = try RunningProcess.server(Self.quick)
        let port = try await first.port()
        let second = try RunningProcess.server(["--host", "127.0.0.1", "--port", "\(port)"])
        #expect(try await second.exitCode() == 1)
        #expect(second.output.contains("the port is in use"))
        #expect(second.output.contains("SOCKETIO_PORT or --port"))
        #expect(second.output.contains("port=\(port)"))
    }

    @Test func badSettingsEndWith78AndAllProblems() async throws {
        let file = try TemporaryFile("prot: 1\nport: 70000\n")
        for command in [["run"], ["check-config"], []] {
            let server = try RunningProcess.server(command + ["--config", file.path])
            #expect(try await server.exitCode() == 78)
            #expect(server.output.contains("2 problems in the settings"))
            #expect(server.output.contains("settings.yaml:1:1: prot: unknown key; did you mean 'port'?"))
            #expect(server.output.contains("settings.yaml:2:7: port: 70000 is out of range; allowed: 0 to 65535"))
        }
    }

    @Test(arguments: [["--prot", "1"], ["--port"], ["rnu"], ["run", "--port", "x"]])
    func wrongUsageEndsWith64(arguments: [String]) async throws {
        let server = try RunningProcess.server(arguments)
        #expect(try await server.exitCode() == 64)
        #expect(server.output.contains("1 problem in the settings"))
    }

    @Test func aBrokenCertificateIsASettingsProblem() async throws {
        let file = try TemporaryFile("no certificate", name: "cert.pem")
        let server = try RunningProcess.server(
            ["check-config", "--tls-certificate-file", file.path, "--tls-key-file", file.path])
        #expect(try await server.exitCode() == 78)
        #expect(server.output.contains("tls.certificateFile"))
    }

    @Test func checkConfigPrintsWhatHolds() async throws {
        let server = try RunningProcess.server(
            ["check-config", "--config", packageRoot.appendingPathComponent("config/default.yaml").path, "--port=1"])
        #expect(try await server.exitCode() == 0)
        #expect(server.output.contains("# flag --port"))
        #expect(server.output.contains("config/default.yaml:"))
    }

    @Test func versionAndHelp() async throws {
        let version = try RunningProcess.server(["version"])
        #expect(try await version.exitCode() == 0)
        #expect(version.output == "socketio-server \(Version.current)\n")
        let help = try RunningProcess.server(["--help"])
        #expect(try await help.exitCode() == 0)
        #expect(help.output.contains("Examples:"))
        let flags = try RunningProcess.server(["help", "run"])
        #expect(try await flags.exitCode() == 0)
        #expect(flags.output.contains("--ping-interval-ms"))
    }

    private func get(_ url: String) async throws -> (status: Int, body: String) {
        var request = URLRequest(url: try #require(URL(string: url)))
        request.timeoutInterval = 10
        let (data, response) = try await URLSession.shared.data(for: request)
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
    }
}
