// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import FoundationNetworking
internal import HiredisNIO
internal import Logging
internal import NIOPosix
internal import ProcessTesting
internal import SocketIOTesting
internal import Testing

/// The executable with a real Redis.
@Suite struct ClusterProcessTests {
    private static func node(_ redis: RedisServer, _ more: [String] = []) throws -> RunningProcess {
        try .server(
            ["--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--adapter", "redis"] + more,
            environment: ["SOCKETIO_REDIS_URL": redis.url])
    }

    @Test func nodesFindEachOtherAndSayGoodbye() async throws {
        let redis = try RedisServer()
        try await redis.start()
        let first = try Self.node(redis, ["--node-tag", "aaaa"])
        let second = try Self.node(redis, ["--node-tag", "bbbb"])
        let start = try await first.line { $0.contains(" listening ") ? $0 : nil }
        #expect(start.contains("adapter=redis") && start.contains("node=aaaa"))
        _ = try await first.line { $0.contains("a node has joined") && $0.contains("node=bbbb nodes=2") ? $0 : nil }
        _ = try await second.line { $0.contains("a node has joined") && $0.contains("node=aaaa nodes=2") ? $0 : nil }
        try await expectReadiness(of: first, status: 200, contains: #"{"status":"ready","reasons":[]}"#)
        second.signal(SIGTERM)
        #expect(try await second.exitCode() == 0)
        _ = try await first.line { $0.contains("a node has gone") && $0.contains("node=bbbb nodes=1") ? $0 : nil }
        first.signal(SIGTERM)
        #expect(try await first.exitCode() == 0)
    }

    @Test(arguments: [nil, "a secret of 16 bytes or more"]) func aClusterWithoutASecretIsWarnedOf(secret: String?)
        async throws
    {
        var environment = ["SOCKETIO_REDIS_URL": "redis://127.0.0.1:1"]
        environment["SOCKETIO_CLUSTER_SECRET"] = secret
        let server = try RunningProcess.server(
            ["--host", "127.0.0.1", "--port", "0", "--event-loops", "1", "--adapter", "redis"], environment: environment
        )
        _ = try await server.port()
        let warnings = server.output.split(separator: "\n").filter { $0.contains("cluster.secret is not set") }
        #expect(warnings.count == (secret == nil ? 1 : 0))
        #expect(warnings.allSatisfy { $0.contains("warning") && $0.contains("openssl rand") })
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    @Test func withoutRedisItServesAndJoinsLater() async throws {
        let redis = try RedisServer()
        let server = try Self.node(redis)
        let port = try await server.port()
        try await expectReadiness(of: server, status: 200, contains: #"{"status":"degraded","reasons":["redis: "#)
        let socket = try await SocketTestClient.connect(to: ServerAddress(port: port))
            .join("/", auth: ["name": "Ada"])
        #expect(try await socket.emitWithAck("join", "lobby").count == 1)
        try await redis.start()
        try await expectReadiness(of: server, status: 200, contains: #""ready""#)
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    @Test func withoutRedisItRefusesToStartWhenToldSo() async throws {
        let redis = try RedisServer()
        let server = try Self.node(redis, ["--redis-required", "--redis-start-timeout-ms", "200"])
        #expect(try await server.exitCode() == 1)
        #expect(server.output.contains("no Redis, and redis.required is true"))
        #expect(!server.output.contains(" listening "))
    }

    @Test func itCanBeEndedWhileItWaitsForRedis() async throws {
        let server = try Self.node(try RedisServer(), ["--redis-required", "--redis-start-timeout-ms", "600000"])
        _ = try await server.line { $0.contains("waiting for Redis") ? $0 : nil }
        server.signal(SIGTERM)
        #expect(try await server.exitCode() == 0)
    }

    /// The chat's history is in Redis: a node that has just started has it, and nodes that did not hear it.
    @Test func aNewNodeHasWhatWasSaidBefore() async throws {
        let redis = try RedisServer()
        try await redis.start()
        func enter(_ node: RunningProcess, as name: String) async throws -> TestSocket {
            let client = try await SocketTestClient.connect(to: ServerAddress(port: try await node.port()))
            let home = try await client.join("/", auth: ["name": .string(name)])
            let token = try #require(try await home.next("you").arguments.first?["token"])
            return try await client.join("/socket/commu-lobby", auth: ["person": token])
        }
        let first = try Self.node(redis, ["--redis-required", "--chat-store", "redis"])
        let ada = try await enter(first, as: "Ada")
        let key = try #require(try await ada.emitWithAck("enter").first?["places"]?[0]?["room"]?["key"])
        for text in ["one", "two"] {
            _ = try await ada.emitWithAck("message", key, ["id": .string(text), "text": .string(text)])
        }
        let second = try Self.node(redis, ["--redis-required", "--chat-store", "redis"])
        _ = try await second.line { $0.contains("a node has joined") ? $0 : nil }
        let bob = try await enter(second, as: "Bob")
        let opening = try await bob.emitWithAck("open", key).first
        #expect(opening?["messages"]?[0]?["text"] == "one" && opening?["messages"]?[1]?["text"] == "two")
        _ = try await bob.emitWithAck("message", key, ["id": "three", "text": "three"])
        var heard: TestEvent
        repeat { heard = try await ada.next("message") } while heard.arguments.first?["text"] != "three"
        #expect(heard.arguments.first?["seq"] == 3)
        try await eventually("each node knows the people of the other") {
            let atAda = try await ada.emitWithAck("watch").first?["online"]
            let atBob = try await bob.emitWithAck("watch").first?["online"]
            return atAda == 2 && atBob == 2
        }
    }

    @Test func aLostRedisIsDegradedAndMessagesFlowAgain() async throws {
        let redis = try RedisServer()
        try await redis.start()
        let nodes = [try Self.node(redis), try Self.node(redis, ["--redis-required"])]
        var sockets: [TestSocket] = []
        for (node, name) in zip(nodes, ["Ada", "Bob"]) {
            let client = try await SocketTestClient.connect(to: ServerAddress(port: try await node.port()))
            sockets.append(try await client.join("/", auth: ["name": .string(name)]))
            try await expectReadiness(of: node, status: 200, contains: #""ready""#)
        }
        redis.stop()
        for node in nodes {
            try await expectReadiness(of: node, status: 200, contains: #""degraded","reasons":["redis: "#)
        }
        // Somebody who comes now is served.
        let late = try await SocketTestClient.connect(to: ServerAddress(port: try await nodes[0].port()))
            .join("/", auth: ["name": "Eve"])
        #expect(try await late.emitWithAck("join", "lobby").count == 1)
        try await redis.start()
        for node in nodes { try await expectReadiness(of: node, status: 200, contains: #""ready""#) }
        #expect(try await emit(redis, ["back", "1"]) == (0, "received by 2 servers\n"))
        for socket in sockets + [late] { #expect(try await socket.next("back").arguments == [1]) }
    }

    @Test func emitReachesAClientOnAnotherMachine() async throws {
        let redis = try RedisServer()
        #expect(try await emit(redis, ["--timeout-ms", "200", "x"]).code == 1)
        try await redis.start()
        let nobody = try await emit(redis, ["x"])
        #expect(nobody.code == 2 && nobody.output.contains("received by 0 servers"))
        let server = try Self.node(redis, ["--redis-key-prefix", "ours"])
        let client = try await SocketTestClient.connect(to: ServerAddress(port: try await server.port()))
        let socket = try await client.join("/", auth: ["name": "Ada"])
        try await expectReadiness(of: server, status: 200, contains: #""ready""#)
        #expect(try await emit(redis, ["--key", "ours", "--except", "x", "news", #"{"a":[1]}"#, "2"]).code == 0)
        #expect(try await socket.next("news").arguments == [["a": [1]], 2])
        #expect(try await emit(redis, ["--key", "ours", "--text", "news", "as", "texts"]).code == 0)
        #expect(try await socket.next("news").arguments == ["as", "texts"])
        #expect(try await emit(redis, ["--key", "ours", "--", "news", "-3.5"]).code == 0)
        #expect(try await socket.next("news").arguments == [-3.5])
        #expect(try await emit(redis, ["--key", "ours", "--to=\(socket.id)", "--join", "more"]).code == 0)
        #expect(try await emit(redis, ["--key", "ours", "--to", "more", "--volatile", "last"]).code == 0)
        _ = try await socket.next("last")
    }

    /// Word for word the line of docs/cluster.md.
    @Test func theRightsOfTheManualAreEnough() async throws {
        let manual = try String(contentsOf: packageRoot.appendingPathComponent("docs/cluster.md"), encoding: .utf8)
        let line = try #require(manual.split(separator: "\n").first { $0.hasPrefix("ACL SETUSER socketio ") })
        let user = String(line).replacing("ACL SETUSER", with: "user").replacing(">PASSWORD", with: ">geheim")
        let redis = try await RedisServer.started(["user default off", user])
        let secret = try TemporaryFile("geheim\n", name: "secret")
        let login = ["--redis-user", "socketio", "--redis-password-file", secret.path]
        let nodes = [try Self.node(redis, login), try Self.node(redis, login)]
        for node in nodes {
            try await expectReadiness(of: node, status: 200, contains: #""ready""#)
            _ = try await node.line { $0.contains("a node has joined") ? $0 : nil }
        }
        let names = ["Ada", "Bob"]
        var sockets: [TestSocket] = []
        for (node, name) in zip(nodes, names) {
            let client = try await SocketTestClient.connect(to: ServerAddress(port: try await node.port()))
            let socket = try await client.join("/", auth: ["name": .string(name)])
            _ = try await socket.emitWithAck("join", "lobby")
            sockets.append(socket)
        }
        #expect(try await sockets[0].next("joined").arguments == [["room": "room:lobby", "name": "Bob"]])
        _ = try await sockets[1].emitWithAck("message", "room:lobby", "hello")
        #expect(try await sockets[0].next("message").arguments.first?["text"] == "hello")
        let place = try await sockets[0].emitWithAck("join", "lobby").first
        #expect(place?["people"] == ["Ada", "Bob"])
        let emitted = try RunningProcess.server(
            ["emit", "news"],
            environment: [
                "SOCKETIO_REDIS_URL": redis.url, "SOCKETIO_REDIS_USER": "socketio", "SOCKETIO_REDIS_PASSWORD": "geheim",
            ])
        #expect(try await emitted.exitCode() == 0)
        for socket in sockets { _ = try await socket.next("news") }
        for node in nodes {
            node.signal(SIGTERM)
            #expect(try await node.exitCode() == 0)
            #expect(!node.output.contains("NOPERM") && !node.output.contains("geheim"), "\(node.output)")
        }
    }

    @Test func aWrongPasswordIsToldWithoutShowingIt() async throws {
        let redis = try await RedisServer.started(["user default on >right ~* &* +@all"])
        let server = try RunningProcess.server(
            ["--host", "127.0.0.1", "--port", "0", "--adapter", "redis"],
            environment: ["SOCKETIO_REDIS_URL": redis.url, "SOCKETIO_REDIS_PASSWORD": "geheim"])
        try await expectReadiness(of: server, status: 200, contains: "WRONGPASS")
        #expect(!server.output.contains("geheim"))
    }

    @Test(arguments: [
        [], ["x", "--join", "y"], ["--join", "a", "--leave", "b"], ["--close", "x"], ["x", "{"], ["connect"],
        ["--server-side", "--to", "a", "x"], ["--server-side"], ["--redis", "redis://:geheim@h", "x"], ["x", "--prot"],
    ])
    func wrongUsageOfEmitEndsWith64(arguments: [String]) async throws {
        let command = try RunningProcess.server(["emit"] + arguments)
        #expect(try await command.exitCode() == 64)
        #expect(!command.output.contains("geheim"))
    }

    /// One id in 64 does.
    @Test(arguments: [["--to", "-a", "x"], ["--except", "-a", "x"], ["--join", "-a"], ["--leave", "--a"]])
    func roomsMayBeginWithAHyphen(arguments: [String]) async throws {
        let redis = try await RedisServer.started()
        let (code, output) = try await emit(redis, arguments)
        #expect(code == 2 && output.contains("received by 0 servers"), "\(output)")
    }

    @Test func wrongSettingsEndEmitWith78() async throws {
        let command = try RunningProcess.server(
            ["emit", "x"], environment: ["SOCKETIO_REDIS_URL": "http://ada:geheim@h"])
        #expect(try await command.exitCode() == 78)
        #expect(command.output.contains("redis.url") && !command.output.contains("geheim"))
    }

    private func emit(_ redis: RedisServer, _ arguments: [String]) async throws -> (code: Int32, output: String) {
        let command = try RunningProcess.server(["emit"] + arguments, environment: ["SOCKETIO_REDIS_URL": redis.url])
        return (try await command.exitCode(), command.output)
    }

    /// Waits until `/readyz` says so.
    private func expectReadiness(of server: RunningProcess, status: Int, contains text: String) async throws {
        let url = try #require(URL(string: "http://127.0.0.1:\(try await server.port())/readyz"))
        try await eventually("/readyz has \(text)", within: .seconds(30)) {
            guard let (data, response) = try? await URLSession.shared.data(from: url) else { return false }
            return (response as? HTTPURLResponse)?.statusCode == status
                && String(decoding: data, as: UTF8.self).contains(text)
        }
    }
}
