// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import NIOCore
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

/// Nodes that learn from each other, over a real Redis, where requests belong.
@Suite("Forwarding over Redis", .enabled(if: RedisServer.isInstalled), .serialized)
struct ForwardingTests {
    private func withFleet(
        _ count: Int = 3, _ change: @escaping @Sendable (Int, inout ForwardingConfiguration) -> Void = { _, _ in },
        _ body: ([NodeUnderTest]) async throws -> Void
    ) async throws {
        let redis = try await RedisServer.started()
        var nodes: [NodeUnderTest] = []
        do {
            for index in 0..<count {
                let cluster = try RedisCluster(redis: redis.configuration, configuration: RedisClusterConfiguration())
                var configuration = ServerConfiguration()
                configuration.eventLoops = 1
                configuration.logger = silentLogger
                configuration.engine.logger = silentLogger
                configuration.engine.nodeTag = "nod\(index)"
                configuration.adapter = cluster.adapter
                var forwarding = ForwardingConfiguration(directory: cluster)
                change(index, &forwarding)
                configuration.engine.forwarding = forwarding
                let io = Server(configuration: configuration)
                joinAsTold(io.sockets)
                let port = try await io.listen()?.port ?? 0
                nodes.append(
                    NodeUnderTest(
                        name: "nod\(index)", io: io, cluster: cluster, address: ServerAddress(port: port)))
            }
            for node in nodes { try await node.cluster.waitUntilUp(within: .seconds(30)) }
            for (index, node) in nodes.enumerated() {
                for other in 0..<count where other != index {
                    try await eventually("nod\(index) knows where nod\(other) is", within: .seconds(30)) {
                        node.cluster.owner(ofTag: "nod\(other)") != nil
                    }
                }
            }
            try await body(nodes)
        } catch {
            for node in nodes { await node.io.close() }
            throw error
        }
        for node in nodes { await node.io.close() }
    }

    /// One session; its requests go to the nodes in turn.
    private func talk(_ nodes: [NodeUnderTest]) async throws {
        var wires: [HTTPTestConnection] = []
        for node in nodes { wires.append(try await HTTPTestConnection.connect(to: node.address)) }
        let path = "/socket.io/?EIO=4&transport=polling"
        let open = try await wires[0].request(.init("GET", path))
        let sid = try #require(open.text.firstMatch(of: /"sid":"([^"]+)"/)?.1)
        var turn = 1
        func send(_ text: String) async throws {
            turn += 1
            let answer = try await wires[turn % wires.count].request(
                .init("POST", "\(path)&sid=\(sid)", body: Array(text.utf8)))
            #expect(answer.status == 200 && answer.text == "ok", "\(answer)")
        }
        func poll() async throws -> String {
            turn += 1
            let answer = try await wires[turn % wires.count].request(.init("GET", "\(path)&sid=\(sid)"))
            #expect(answer.status == 200, "\(answer)")
            return answer.text
        }
        try await send("40")
        #expect(try await poll().hasPrefix("40{"))
        for number in 0..<12 {
            try await send("42\(number)[\"join\",\"room \(number)\"]")
            #expect(try await poll() == "43\(number)[true]")
        }
    }

    @Test("requests find their session from every node", .timeLimit(.minutes(2)))
    func found() async throws {
        try await withFleet { try await talk($0) }
    }

    @Test("with a secret no key travels", .timeLimit(.minutes(2)))
    func secret() async throws {
        try await withFleet(3, { $1.secret = ForwardingKey("only the nodes know it") }) { nodes in
            #expect(nodes[0].cluster.owner(ofTag: "nod1")?.key == nil)
            try await talk(nodes)
        }
        try await withFleet(2) { #expect($0[0].cluster.owner(ofTag: "nod1")?.key != nil) }
    }

    @Test("what is advertised is what others use", .timeLimit(.minutes(2)))
    func advertised() async throws {
        try await withFleet(
            2,
            {
                $1.host = "0.0.0.0"
                if $0 == 1 { $1.advertise = "nowhere.invalid:1" }
            }
        ) { nodes in
            // The address towards Redis stands for "every address".
            let first = try #require(nodes[1].cluster.owner(ofTag: "nod0"))
            #expect(first.address.hasPrefix("127.0.0.1:"))
            #expect(nodes[0].cluster.owner(ofTag: "nod1")?.address == "nowhere.invalid:1")
            #expect(nodes[0].io.configuration.engine.forwarding?.host == "0.0.0.0")
        }
    }

    @Test("a goodbye is heard, and the session then unknown", .timeLimit(.minutes(2)))
    func goodbye() async throws {
        try await withFleet { nodes in
            let client = try await EngineTestClient.connect(to: nodes[2].address)
            let path = "/socket.io/?EIO=4&transport=polling&sid=\(client.handshake.sid)"
            let wire = try await HTTPTestConnection.connect(to: nodes[0].address)
            #expect(try await wire.request(.init("POST", path, body: Array("40".utf8))).status == 200)
            await nodes[2].io.close()
            try await eventually("the goodbye") { nodes[0].cluster.owner(ofTag: "nod2") == nil }
            let answer = try await wire.request(.init("POST", path, body: Array("40".utf8)))
            #expect(answer.status == 400 && answer.text == #"{"code":1,"message":"Session ID unknown"}"#)
            await client.abort()
        }
    }
}
