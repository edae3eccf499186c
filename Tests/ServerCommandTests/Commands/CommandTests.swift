// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// The commands that need no running server.
@Suite struct CommandTests {
    @Test func negativeNumbersAreNoOptions() {
        func given(_ arguments: String...) -> [String] {
            CommandLineArguments.prepared(arguments).map(CommandLineArguments.original)
        }
        #expect(
            CommandLineArguments.prepared(["emit", "a", "-3.5", "-1e9", "-x", "-"])[2...] == [
                "\u{1}-3.5", "\u{1}-1e9", "-x", "-",
            ])
        #expect(given("emit", "a", "-3.5") == ["emit", "a", "-3.5"])
        // Values of options, what follows --, and other commands stay as they are.
        for arguments in [
            ["emit", "--to", "-5", "a"], ["emit", "a", "--", "-5"], ["run", "-5"], ["emit", "-inf"], ["emit", "-nan"],
        ] {
            #expect(CommandLineArguments.prepared(arguments) == arguments)
        }
        #expect(CommandLineArguments.prepared(["-v"]) == ["--version"])
        #expect(CommandLineArguments.prepared(["run", "-v"]) == ["run", "-v"])
    }

    @Test(arguments: ["-v", "--version"]) func theVersion(flag: String) async throws {
        let (code, output) = try await CommandNode.run([flag])
        #expect(code == 0 && output == Version.current + "\n")
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func completionIsAsOfTheParser(shell: String) async throws {
        let (code, output) = try await CommandNode.run(["completion", shell])
        let parser = try await CommandNode.run(["--generate-completion-script", shell])
        #expect(code == 0 && output == parser.output && output.contains("gentoken"))
        #expect(try await CommandNode.run(["completion", "tcsh"]).code == 64)
    }

    @Test(arguments: ["rooms", "sockets", "kick", "top", "gentoken", "print-env", "completion"])
    func everyCommandHasExamplesAndExitCodes(name: String) async throws {
        let (code, output) = try await CommandNode.run(["help", name])
        #expect(code == 0 && output.contains(/Examples?:\n +socketio-server/), "\(output)")
        if name != "gentoken", name != "completion" { #expect(output.contains("Exit codes: 0 ")) }
    }

    // MARK: print-env

    @Test func printEnvPrintsWhatLoadsAgain() async throws {
        let yaml = """
            port: 8080
            path: "/it's $HOME"
            cors: {origin: ["https://a.example", "https://b.example"], credentials: true}
            admission: {maxSessions: 5}
            operations: {token: geheim}
            redis: {url: "redis://u:geheim@h:1"}
            """
        let file = try TemporaryFile(yaml.replacing("/it's $HOME", with: "/its"))
        let (code, output) = try await CommandNode.run(["print-env", "--config", file.path, "--health-path", "/x"])
        #expect(code == 0 && !output.contains("geheim"), "\(output)")
        #expect(output.contains("SOCKETIO_PORT=8080\n") && output.contains("SOCKETIO_HEALTH_PATH=/x\n"))
        #expect(output.contains("SOCKETIO_CORS_ORIGIN=https://a.example,https://b.example\n"))
        #expect(output.contains("# SOCKETIO_OPERATIONS_TOKEN holds a secret"))
        #expect(output.contains("# SOCKETIO_REDIS_URL holds a secret"))
        let all = try await CommandNode.run(["print-env", "--all", "--secrets", "--config", file.path])
        #expect(all.output.split(separator: "\n").count == SettingTable.all.count, "\(all.output)")
        var variables: [String: String] = [:]
        for line in all.output.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts[1].hasPrefix("'") ? parts[1].dropFirst().dropLast() : parts[1]
            variables[String(parts[0])] = String(value)
        }
        let expected = try await SettingsLoader(configFile: file.path, environment: ["SOCKETIO_CHAT_STORE": "memory"])
            .load()
        #expect(try await SettingsLoader(environment: variables).load().settings == expected.settings)
        #expect(try await CommandNode.run(["print-env", "--port", "x"]).code == 64)
    }

    @Test func printEnvQuotesForAShell() async throws {
        let setting = try #require(SettingTable.byKey["chat.databaseFile"])
        for text in ["a b", "it's $HOME `x` \"y\" \\", "plain", "*", "", "#x"] {
            let line = PrintEnvCommand.line(setting, .text(text), secrets: false)
            let shell = try RunningProcess.run(
                "/bin/sh", ["-c", line + "\nprintf %s \"$SOCKETIO_CHAT_DATABASE_FILE\""])
            #expect(shell.output == text, "\(line)")
        }
        #expect(
            PrintEnvCommand.line(setting, .text("a\nb"), secrets: false).hasPrefix("# chat.databaseFile has a control"))
        let list = try #require(SettingTable.byKey["cors.origin"])
        #expect(
            PrintEnvCommand.line(list, .list(["a,b"]), secrets: false).hasPrefix(
                "# cors.origin has a text with a comma"))
    }

    // MARK: check-config --json

    @Test func checkConfigTellsProgramsWhatIsWrong() async throws {
        let file = try TemporaryFile("port: 70000\npingIntervall: 1\n")
        var (code, output) = try await CommandNode.run(["check-config", "--json", "--config", file.path])
        var report = try RawJSON(output).value
        #expect(code == 78 && report["ok"] == false && report["problems"]?.array?.count == 2, "\(output)")
        let port = report["problems"]?.array?.first { $0["key"] == "port" }
        #expect(port?["line"] == 1 && port?["column"] == 7 && port?["file"]?.string == file.path)
        #expect(
            report["problems"]?.array?.contains { $0["message"]?.string?.contains("pingIntervalMs") == true } == true)
        let good = try TemporaryFile("port: 8080\noperations: {token: geheim}\n")
        (code, output) = try await CommandNode.run(["check-config", "--json", "--config", good.path])
        report = try RawJSON(output).value
        #expect(code == 0 && report["ok"] == true && report["problems"] == [] && !output.contains("geheim"))
        #expect(report["settings"]?["port"]?["value"] == 8080)
        #expect(report["settings"]?["port"]?["source"]?.string == "\(good.path):1:7")
        #expect(report["settings"]?["operations.token"]?["value"] == "***")
        (code, output) = try await CommandNode.run(["check-config", "--json", "--prot", "1"])
        report = try RawJSON(output).value
        #expect(code == 64 && report["ok"] == false)
    }

    // MARK: gentoken

    @Test(.timeLimit(.minutes(2))) func aTokenForDevelopmentIsAccepted() async throws {
        let settings = try TemporaryFile(
            """
            host: 127.0.0.1
            port: 0
            eventLoops: 1
            chat: {enabled: false}
            auth:
              jwt: {mode: required, algorithms: [HS384, HS256], secret: "0123456789-0123456789-0123456789-01", issuer: [dev],
                audience: [chat], requireExpiry: true}
            """)
        let server = try RunningProcess.server(["--config", settings.path])
        let port = try await server.port()
        func token(_ more: String...) async throws -> (code: Int32, output: String) {
            try await CommandNode.run(["gentoken", "jwt", "--config", settings.path] + more)
        }
        func join(_ token: String) async throws {
            let client = try await SocketTestClient.connect(to: ServerAddress(port: port))
            defer { Task { await client.close() } }
            _ = try await client.join("/", auth: ["token": .string(token)])
        }
        let (code, output) = try await token("--subject", "ada", "--claim", "role=admin", "--claim", #"teams=["a"]"#)
        #expect(code == 0 && output.split(separator: ".").count == 3)
        try await join(output.trimmingCharacters(in: .newlines))
        let other = try await token("--subject", "ada", "--claim", "iss=other").output
        await #expect(throws: RefusedNamespace.self) { try await join(other.trimmingCharacters(in: .newlines)) }
        let endless = try await token("--subject", "ada", "--expires-seconds", "0").output
        await #expect(throws: RefusedNamespace.self) { try await join(endless.trimmingCharacters(in: .newlines)) }
        #expect(try await token().code == 64)
        #expect(try await token("--subject", "a", "--claim", "=x").code == 64)
        #expect(try await token("--subject", "a", "--expires-seconds", "-1").code == 64)
        let none = try await CommandNode.run(["gentoken", "jwt", "--subject", "a"])
        #expect(none.code == 78 && none.output.contains("auth.jwt.secretFile"))
        let short = try await CommandNode.run(
            ["gentoken", "jwt", "--subject", "a"], ["SOCKETIO_AUTH_JWT_SECRET": "short"])
        #expect(short.code == 78 && short.output.contains("HS256 needs 32"))
    }

    @Test func aTokenOfTheAPIIsOne() async throws {
        let (code, output) = try await CommandNode.run([
            "gentoken", "api", "shop", "--scope", "read", "--scope", "emit",
        ])
        let token = try #require(APIToken(output.trimmingCharacters(in: .newlines)))
        #expect(code == 0 && token.name == "shop" && token.scopes == [.emit, .read])
        #expect(token.secret.text?.utf8.count == 48)
        #expect(try await CommandNode.run(["gentoken", "api", "shop", "--scope", "emit"]).output != output)
        for wrong in [["shop"], ["a b", "--scope", "emit"], ["shop", "--scope", "all"], []] {
            #expect(try await CommandNode.run(["gentoken", "api"] + wrong).code == 64)
        }
    }
}
