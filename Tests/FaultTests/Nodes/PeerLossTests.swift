// Part of socketio-server, MIT licence; see LICENSE.

import ClusterTesting
import NIOCore
import ProcessTesting
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

/// Nodes that end without a goodbye, and nodes that never answer.
@Suite("Nodes that are lost", .enabled(if: RedisServer.isInstalled), .serialized)
struct PeerLossTests {
    /// Redis sees the connections of the third node end, as with `kill -9`, and none come again.
    private func withMortalNode(
        _ body: ([NodeUnderTest], _ kill: @Sendable () async throws -> Void) async throws -> Void
    ) async throws {
        let redis = try await RedisServer.started()
        let link = try await FaultyLink(to: redis.port)
        let configuration = link.configuration
        // Neither silence nor a time-out can be what ends the waiting.
        try await withNodes(
            3, on: redis, namespaces: ["/"], via: { $0 == 2 ? configuration : nil },
            {
                $0.requestsTimeout = .seconds(120)
                $0.peerTimeout = .seconds(120)
            }
        ) { nodes in
            try await body(nodes) { try await link.close() }
        }
        try? await link.close()
    }

    @Test("a dead node is struck from requests that wait, and not asked again", .timeLimit(.minutes(1)))
    func killed() async throws {
        try await withMortalNode { nodes, kill in
            let asked = Recorder<Bool>()
            nodes[1].io.sockets.on("ask") { 1 }
            nodes[2].io.sockets.on("ask") { () async throws -> Int in
                asked.append(true)
                try await Task.sleep(for: .seconds(3600))
                return 2
            }
            let io = nodes[0].io
            let waiting = Task { try await io.serverSideEmitWithAck("ask", as: Int.self, timeout: .seconds(120)) }
            try await eventually("asked") { asked.count == 1 }
            let start = ContinuousClock.now
            try await kill()
            #expect(try await waiting.value == [1])
            let struck = ContinuousClock.now - start
            print("a dead node was struck after \(struck)")
            #expect(try await io.fetchSockets().isEmpty)
            #expect(try await io.count() == 0)
            #expect(nodes[0].cluster.nodes.map(\.tag) == ["nod1"])
        }
    }

    @Test("a Node.js server that dies is struck from requests that wait", .timeLimit(.minutes(1)))
    func foreignKilled() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis, namespaces: ["/"], { $0.requestsTimeout = .seconds(120) }) { nodes in
            let asked = Recorder<Bool>()
            nodes[1].io.sockets.on("ask") { () -> Int in
                asked.append(true)
                return 1
            }
            let clients = [try await nodes[0].client(["a"]), try await nodes[1].client(["a"])]
            // Listens to the requests, tells nothing of itself, never answers.
            let foreign = [try await DeadNode(redis), try await DeadNode(redis)]
            let io = nodes[0].io
            let sockets = Task { try await io.fetchSockets() }
            let answers = Task { try await io.serverSideEmitWithAck("ask", as: Int.self, timeout: .seconds(120)) }
            try await eventually("asked") { asked.count == 1 }
            let start = ContinuousClock.now
            for node in foreign { await node.close() }
            #expect(try await answers.value == [1])
            #expect(try await Set(sockets.value.map(\.id)) == Set(clients.map(\.id)))
            print("two dead Node.js servers were struck after \(ContinuousClock.now - start)")
        }
    }

    @Test("servers of this kind can be asked alone", .timeLimit(.minutes(1)))
    func askedAlone() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(3, on: redis, namespaces: ["/"]) { nodes in
            for (index, node) in nodes.enumerated() { node.io.sockets.on("ask") { index } }
            let foreign = try await DeadNode(redis)
            #expect(try await nodes[0].io.adapter.serverCount() == 4)
            let answers = try await nodes[0].io.serverSideEmitWithAck(
                "ask", as: Int.self, timeout: .seconds(120), of: .ofThisKind)
            #expect(answers.sorted() == [1, 2])
            await foreign.close()
        }
    }

    @Test("acknowledgements of a dead node's clients are not waited for", .timeLimit(.minutes(1)))
    func acknowledgements() async throws {
        try await withMortalNode { nodes, kill in
            let client = try await nodes[1].client()
            client.answer("ask") { _ in [1] }
            let silent = try await nodes[2].client()
            let io = nodes[0].io
            let waiting = Task { try await io.timeout(.seconds(120)).emitWithAck("ask", as: Int.self) }
            _ = try await silent.next("ask")
            try await kill()
            let error = await #expect(throws: BroadcastAckError.self) { try await waiting.value }
            #expect(error?.responses.count == 1)
            // The node had told whom it reached.
            #expect(error?.missing == [silent.id])
        }
    }

    @Test("a node that is only away for a moment stays known")
    func moment() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis, namespaces: ["/"], { $0.heartbeatInterval = .milliseconds(50) }) { nodes in
            let admin = try await redis.admin()
            let before = nodes[0].cluster.nodes
            for _ in 0..<3 {
                try await admin.run("CLIENT", "KILL", "TYPE", "pubsub")
                try await Task.sleep(for: .milliseconds(200))
                #expect(nodes[0].cluster.nodes.map(\.id) == before.map(\.id))
            }
            await admin.close()
            try await eventually("up") { nodes.allSatisfy { $0.cluster.status == .up } }
            #expect(try await nodes[0].io.count() == 0)
        }
    }

    @Test(
        "foreign nodes are the difference to the subscribers; how many are missing is told, or left out",
        arguments: [
            RedisClusterConfiguration.RequestTimeout.fail, .partial,
        ])
    func foreign(mode: RedisClusterConfiguration.RequestTimeout) async throws {
        let redis = try await RedisServer.started()
        try await withNodes(
            2, on: redis, namespaces: ["/"],
            {
                $0.requestsTimeout = .milliseconds(500)
                $0.onRequestTimeout = mode
            }
        ) { nodes in
            let clients = [try await nodes[0].client(["a"]), try await nodes[1].client(["a"])]
            let foreign = try await DeadNode(redis)
            let io = nodes[0].io
            #expect(try await io.adapter.serverCount() == 3)
            #expect(nodes[0].cluster.nodes.count == 1)
            if mode == .partial {
                #expect(try await Set(io.fetchSockets().map(\.id)) == Set(clients.map(\.id)))
                #expect(try await io.adapter.allRooms().contains("a"))
                #expect(try await io.count() == 2)
            } else {
                let error = await #expect(throws: ClusterError.self) { try await io.fetchSockets() }
                #expect(error?.missing == [])
                #expect(error?.missingForeign == 1)
                #expect(error.map { "\($0)".contains("servers without a tag that did not answer: 1") } == true)
                // With answers of those who did.
                let some = await #expect(throws: ClusterError.self) {
                    try await io.serverSideEmitWithAck("nothing", as: Int.self, timeout: .milliseconds(500))
                }
                #expect(some?.missingForeign == 1)
                #expect(some?.missing == ["nod1"])
                #expect(some?.message == "timeout reached: only 0 responses received out of 2")
            }
            await foreign.close()
            try await eventually("gone") { try await io.adapter.serverCount() == 2 }
            #expect(try await io.fetchSockets().count == 2)
        }
    }
}
