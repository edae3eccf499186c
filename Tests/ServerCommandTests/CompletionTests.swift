// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import Testing

@testable internal import socketio_server

@Suite struct CompletionTests {
    /// What bash offers after this line.
    private static func candidates(_ line: String) async throws -> Set<String> {
        let script = try RunningProcess.server(["--generate-completion-script", "bash"])
        guard try await script.exitCode() == 0 else { return [] }
        let file = try TemporaryFile(script.output, name: "socketio-server.bash")
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map { "'\($0)'" }
        let test = """
            source "$0" || exit 9
            handler=$(complete -p socketio-server | sed -n 's/.*-F \\([^ ]*\\).*/\\1/p')
            COMP_WORDS=(\(words.joined(separator: " "))) COMP_CWORD=\(words.count - 1) COMP_LINE='\(line)'
            COMP_POINT=${#COMP_LINE}
            "$handler" socketio-server "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let shell = try RunningProcess("/bin/bash", ["--norc", "-c", test, file.path])
        #expect(try await shell.exitCode() == 0, "\(shell.output)")
        return Set(shell.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) })
    }

    @Test func bashCompletesCommandsAndTheirOptions() async throws {
        let commands = try await Self.candidates("socketio-server ")
        #expect(commands.isSuperset(of: ["run", "init", "check-config", "proxy-config", "emit", "peers", "version"]))
        #expect(!commands.contains("settings-reference"))
        #expect(try await Self.candidates("socketio-server pe") == ["peers"])
        let options = try await Self.candidates("socketio-server peers --")
        #expect(options.isSuperset(of: ["--json", "--key", "--redis", "--timeout-ms"]))
        #expect(try await Self.candidates("socketio-server proxy-config ").contains("haproxy"))
    }

    @Test(arguments: ["zsh", "fish"]) func otherShellsHaveScripts(shell: String) async throws {
        let script = try RunningProcess.server(["--generate-completion-script", shell])
        #expect(try await script.exitCode() == 0)
        #expect(script.output.contains("peers") && script.output.contains("timeout-ms"))
    }

    @Test(arguments: ["run", "init", "check-config", "print-config", "proxy-config", "emit", "peers", "version"])
    func everyCommandHasExamples(name: String) async throws {
        let help = try RunningProcess.server(["help", name])
        #expect(try await help.exitCode() == 0)
        #expect(help.output.contains(/Examples?:\n +socketio-server/), "\(name)")
    }
}
