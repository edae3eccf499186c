// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import ProcessTesting
internal import SocketIOServer
internal import SocketIOTesting
internal import Testing

@testable internal import socketio_server

/// `rooms`, `sockets`, `kick`, `top` and `emit` against a running server.
@Suite struct RemoteCommandTests {
    @Test(.timeLimit(.minutes(3))) func roomsAndSocketsAreListed() async throws {
        let node = try await CommandNode.start()
        let (ada, bob) = (try await node.socket(), try await node.socket())
        #expect(try await node.run(["emit", "--to", ada.id, "--join", "red", "--join", "blue"]).code == 0)
        #expect(try await node.run(["emit", "--to", bob.id, "--join", "red"]).code == 0)
        var (code, output) = try await node.run(["rooms"])
        #expect(code == 0)
        #expect(output == "SOCKETS  ROOM\n      2  red\n      1  blue\nrooms: 2\n", "\(output)")
        (code, output) = try await node.run(["rooms", "--limit", "1"])
        #expect(output.hasSuffix("rooms: 2, of which 1 are shown (--limit)\n"), "\(output)")
        (code, output) = try await node.run(["rooms", "--json"], token: "fedcba9876543210")
        var listed = try RawJSON(output).value
        #expect(code == 0 && listed["total"] == 2)

        (code, output) = try await node.run(["sockets", "--room", "blue"])
        #expect(code == 0)
        let lines = output.split(separator: "\n")
        #expect(lines.count == 3 && lines[0].hasPrefix("SOCKET") && lines[2] == "sockets: 1", "\(output)")
        #expect(lines[1].hasPrefix(ada.id) && lines[1].contains("127.0.0.1") && lines[1].hasSuffix("blue red"))
        (code, output) = try await node.run(["sockets", "--json"])
        listed = try RawJSON(output).value
        #expect(listed["sockets"]?.array?.count == 2)
    }

    @Test(.timeLimit(.minutes(3))) func kickDisconnects() async throws {
        let node = try await CommandNode.start()
        let (ada, bob) = (try await node.socket(), try await node.socket())
        let (code, output) = try await node.run(["kick", ada.id])
        #expect(code == 0 && output == "disconnected 1 socket\n", "\(output)")
        try await eventually("only Bob is left") {
            try await node.run(["sockets"]).output.hasSuffix("sockets: 1\n")
        }
        #expect(try await node.run(["kick", ada.id]).code == 2)
        #expect(try await node.run(["kick", "nobody"], token: "fedcba9876543210").code == 2)
        let refused = try await node.run(["kick", bob.id], token: "fedcba9876543210")
        #expect(refused.code == 1 && refused.output.contains("scope 'manage'"), "\(refused.output)")
        #expect(try await node.run(["kick", "--everyone"]).output == "disconnected 1 socket\n")
        #expect(try await node.run(["kick"]).code == 64)
        #expect(try await node.run(["kick", bob.id, "--everyone"]).code == 64)
    }

    @Test(.timeLimit(.minutes(3))) func emitGoesByTheAPI() async throws {
        let node = try await CommandNode.start()
        let socket = try await node.socket()
        let (code, output) = try await node.run([
            "emit", "temperature", "-3.5", #"{"a":[-1]}"#, "--to", socket.id, "-7",
        ])
        #expect(code == 0 && output == "sent by http://127.0.0.1:\(node.operations)\n", "\(output)")
        let arguments = try await socket.next("temperature").arguments
        #expect(arguments.count == 3)
        #expect(arguments[0] == .number(-3.5) && arguments[1]["a"]?[0] == -1 && arguments[2] == -7)
        #expect(try await node.run(["emit", "--text", "note", "-3.5", "so"]).code == 0)
        #expect(try await socket.next("note").arguments == ["-3.5", "so"])
        #expect(try await node.run(["emit", "--text", "--", "note", "--not-an-option"]).code == 0)
        #expect(try await socket.next("note").arguments == ["--not-an-option"])
        // Not an option of it, and not taken for an argument.
        for wrong in [["--colour", "x"], ["x", "--colour"], ["x", "-z"], ["x", "-1x"]] {
            let (code, output) = try await node.run(["emit"] + wrong)
            #expect(code == 64 && output.contains("Unknown option"), "\(output)")
        }
        #expect(try await node.run(["emit", "--server-side", "x"]).code == 78)
        let url = "http://127.0.0.1:\(node.operations)"
        #expect(try await CommandNode.run(["emit", "--url", url, "--server-side", "x"]).code == 64)
        #expect(try await CommandNode.run(["emit", "--url", url, "--redis", "redis://h", "x"]).code == 64)
    }

    /// The settings of the node say where it is and which token it takes.
    @Test(.timeLimit(.minutes(3))) func theSettingsTellAddressAndToken() async throws {
        let node = try await CommandNode.start()
        let settings = try TemporaryFile(
            "operations: {port: \(node.operations)}\napi: {tokens: ['all:emit+read:\(CommandNode.secret)']}\n")
        #expect(try await CommandNode.run(["rooms", "--config", settings.path]).output == "rooms: 0\n")
        #expect(try await CommandNode.run(["emit", "x"], ["SOCKETIO_CONFIG": settings.path]).code == 0)
        let kick = try await CommandNode.run(["kick", "x", "--config", settings.path])
        #expect(kick.code == 1 && kick.output.contains("does not accept the token"), "\(kick.output)")
        let file = try TemporaryFile(CommandNode.secret + "\n", name: "token")
        let url = "http://127.0.0.1:\(node.operations)/"
        #expect(try await CommandNode.run(["rooms", "--url", url, "--token-file", file.path]).code == 0)
        // Another node than that of the settings does not get its token.
        let other = try await CommandNode.run(["rooms", "--config", settings.path, "--url", url])
        #expect(other.code == 1 && other.output.contains("does not accept the token"))
    }

    @Test(.timeLimit(.minutes(3))) func mistakesNameTheRemedy() async throws {
        let node = try await CommandNode.start()
        for command in ["rooms", "sockets", "top"] {
            let lost = try await CommandNode.run([command])
            #expect(lost.code == 78 && lost.output.contains("--url http://HOST:PORT"), "\(lost.output)")
        }
        let nobody = try await CommandNode.run(["emit", "x"])
        let peers = try await CommandNode.run(["peers"])
        #expect(nobody.code == 78 && peers.code == 78)
        #expect(nobody.output.hasPrefix(peers.output.dropLast()), "\(nobody.output)")
        #expect(nobody.output.contains("--url"))
        let wrong = try await node.run(["rooms"], token: "another-secret-00")
        #expect(wrong.code == 1 && wrong.output.contains("api.tokens") && wrong.output.contains("SOCKETIO_TOKEN"))
        #expect(!wrong.output.contains("another-secret-00"))
        #expect(try await node.run(["rooms"], token: nil).code == 1)
        let namespace = try await node.run(["rooms", "--namespace", "/none"])
        #expect(namespace.code == 1 && namespace.output.contains("no namespace '/none'"), "\(namespace.output)")
        let away = try await CommandNode.run(["rooms", "--url", "http://127.0.0.1:1"])
        #expect(away.code == 1 && away.output.contains("could not be asked"), "\(away.output)")
        let page = try await CommandNode.run(
            ["rooms", "--url", "http://127.0.0.1:\(node.port)"], ["SOCKETIO_TOKEN": "x"])
        #expect(page.code == 1 && page.output.contains("has no HTTP API"), "\(page.output)")
        for arguments in [
            ["rooms", "--limit", "0"], ["rooms", "--url", "ftp://h"], ["rooms", "--url", "http://u:geheim@h"],
            ["sockets", "--timeout-ms", "0"], ["top", "--interval-ms", "1"], ["rooms", "more"],
        ] {
            let (code, output) = try await CommandNode.run(arguments)
            #expect(code == 64 && !output.contains("geheim"), "\(arguments)")
        }
        #expect(try await CommandNode.run(["rooms"], ["SOCKETIO_URL": "nonsense"]).code == 78)
        #expect(try await CommandNode.run(["rooms", "--url", "http://h", "--token-file", "/no/file"]).code == 78)
    }

    @Test(.timeLimit(.minutes(1))) func aNodeThatSendsOnlyTheHeadIsNotWaitedFor() async throws {
        let server = try await HeadServer()
        for command in ["rooms", "sockets", "top"] {
            let (code, output) = try await CommandNode.run([command, "--url", server.url, "--timeout-ms", "200"])
            #expect(code == 1 && output.contains("there was no answer in time (--timeout-ms)"), "\(output)")
        }
        try await server.close()
    }

    @Test(.timeLimit(.minutes(3))) func topShowsWhatTheNodeDoes() async throws {
        let node = try await CommandNode.start(["SOCKETIO_OPERATIONS_TOKEN": "ops-token"])
        let socket = try await node.socket()
        let (code, output) = try await node.run(["top", "--count", "2", "--interval-ms", "100"], token: "ops-token")
        #expect(code == 0)
        #expect(
            output.components(separatedBy: "at http://127.0.0.1:\(node.operations), version").count == 3, "\(output)")
        #expect(output.contains("1 sessions, 1 WebSocket, 0 polling, 1 sockets"), "\(output)")
        #expect(output.contains(" ready, up ") && output.contains("memory, a node on its own"))
        #expect(output.contains("messages/s") && !output.contains("\u{1b}"))
        let refused = try await node.run(["top", "--count", "1"], token: nil)
        #expect(refused.code == 1 && refused.output.contains("operations.token"), "\(refused.output)")
        try await socket.disconnect()
    }
}
