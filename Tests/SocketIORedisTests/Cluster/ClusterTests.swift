// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import NIOHTTP1
import ProcessTesting
import SocketIOCore
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

@Suite("Nodes over a real Redis", .enabled(if: RedisServer.isInstalled), .serialized)
struct ClusterTests {
    @Test("broadcasts reach the right sockets of every node, once", arguments: [2, 3])
    func broadcasts(nodeCount: Int) async throws {
        let redis = try await RedisServer.started()
        try await withNodes(nodeCount, on: redis, loops: 2) { nodes in
            let a = nodes[0].io
            var sockets: [TestSocket] = []
            for node in nodes {
                sockets.append(try await node.client(["a"]))
                sockets.append(try await node.client(["b"], transport: .polling))
                sockets.append(try await node.client(["a", "b"]))
            }
            let chat = try await nodes[1].client(["a"], namespace: "/chat")
            a.emit("all")
            a.to("a").emit("a")
            a.to("a").to("b").emit("a or b")
            a.to("a", "b").except("b").emit("only a")
            a.except("a").emit("not a")
            a.to(sockets[4].id).emit("one")
            a.local.emit("local")
            a.compress(false).volatile.emit("volatile")
            a.of("/chat").to("a").emit("chat")
            let result = try await heard(sockets, nodes)
            for (index, names) in result.enumerated() {
                var expected = ["all", "a", "a or b", "only a"]
                if index % 3 == 1 { expected = ["all", "a or b", "not a"] }
                if index % 3 == 2 { expected = ["all", "a", "a or b"] }
                if index == 4 { expected.append("one") }
                if index < 3 { expected.append("local") }
                // A busy transport may drop it.
                #expect(names.filter { $0 != "volatile" } == expected, "socket \(index)")
            }
            #expect(try await chat.next("chat").name == "chat")
            #expect(nodes.allSatisfy { $0.cluster.statistics.invalid == 0 })
        }
    }

    @Test("arguments arrive as they were, binary ones too")
    func values() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis) { nodes in
            let socket = try await nodes[1].client()
            let value: SocketValue = [
                "text": "é😀\u{0}\"\\", "list": [1, -1, 1.5, true, .null], "deep": ["a": ["b": .binary([1, 2, 3])]],
                "big": .int(9_007_199_254_740_991), "empty": [:],
            ]
            nodes[0].io.emit("ev", value, SocketValue.binary([]), [1, 2, 3])
            let event = try await socket.next("ev")
            #expect(event.arguments[0]["text"] == "é😀\u{0}\"\\")
            #expect(event.arguments[0]["list"] == [1, -1, 1.5, true, nil])
            #expect(event.arguments[0]["deep"] == ["a": ["b": .binary([1, 2, 3])]])
            #expect(event.arguments[0]["big"] == 9_007_199_254_740_991)
            #expect(event.arguments[0]["empty"] == [:])
            #expect(event.arguments[1] == .binary([]))
            #expect(event.arguments[2] == [1, 2, 3])
        }
    }

    @Test("acknowledgements of all nodes are collected; who disconnects is not waited for", arguments: [2, 3])
    func acknowledgements(nodeCount: Int) async throws {
        let redis = try await RedisServer.started()
        try await withNodes(nodeCount, on: redis) { nodes in
            var sockets: [TestSocket] = []
            for (index, node) in nodes.enumerated() {
                let socket = try await node.client(["a"])
                socket.answer("ask") { _ in [.number(Double(index))] }
                socket.answer("bin") { [.array($0)] }
                sockets.append(socket)
            }
            let answers = try await nodes[0].io.timeout(.seconds(5)).emitWithAck("ask", as: Int.self)
            #expect(answers.sorted() == Array(0..<nodeCount))
            let binary = try await nodes[0].io.to("a").timeout(.seconds(5)).emitWithAck(
                "bin", SocketData([1, 2]), as: SocketValue.self)
            #expect(binary.count == nodeCount)
            #expect(binary.allSatisfy { $0[0]?.binary?.bytes == [1, 2] })
            #expect(try await nodes[0].io.to("nobody").emitWithAck("ask", as: Int.self) == [])

            let leaver = try await nodes[1].client(["a"])
            let io = nodes[0].io
            let broadcast = Task { try await io.to("a").timeout(.seconds(20)).emitWithAck("ask", as: Int.self) }
            _ = try await leaver.next("ask")
            try await leaver.disconnect()
            let error = await #expect(throws: BroadcastAckError.self) { try await broadcast.value }
            #expect(error?.missing == [leaver.id])
            #expect(error?.responses.count == nodeCount)
        }
    }

    @Test("sockets are found, joined, removed and disconnected anywhere")
    func utilities() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(3, on: redis) { nodes in
            let io = nodes[0].io
            let mine = try await nodes[0].client(["a"])
            let theirs = try await nodes[1].client(["a", "b"])
            let third = try await nodes[2].client(["b"], transport: .polling)
            let all = try await io.fetchSockets()
            #expect(Set(all.map(\.id)) == [mine.id, theirs.id, third.id])
            let found = try #require(all.first { $0.id == theirs.id })
            #expect(found.rooms == [theirs.id, "a", "b"])
            #expect(found.handshake.query["EIO"] == "4")
            #expect(found.handshake.auth["rooms"]?.array?.count == 2)
            #expect(!found.handshake.headers["host"].isEmpty)
            #expect(try await io.in("b").except("a").fetchSockets().map(\.id) == [third.id])
            #expect(try await io.local.fetchSockets().map(\.id) == [mine.id])

            io.in("b").socketsJoin("c")
            try await eventually("c has two members") { try await io.in("c").count() == 2 }
            #expect(try await io.allSockets() == [mine.id, theirs.id, third.id])
            #expect(try await io.in("c").allSockets() == [theirs.id, third.id])
            #expect(try await io.adapter.allRooms().isSuperset(of: ["a", "b", "c", mine.id, third.id]))
            io.in("a").socketsLeave("c")
            try await eventually("c has one member") { try await io.in("c").count() == 1 }
            found.join("d")
            found.emit("hello")
            #expect(try await theirs.next("hello").name == "hello")
            theirs.answer("ask") { _ in ["me"] }
            #expect(try await found.emitWithAck("ask", as: String.self) == "me")
            try await eventually("d") { try await io.in("d").count() == 1 }

            #expect(try await io.count() == 3)
            #expect(try await io.countByRoom() == ["a": 2, "b": 2, "c": 1, "d": 1])
            #expect(try await io.rooms() == ["a", "b", "c", "d"])
            #expect(try await io.except("a").count() == 1)

            io.in("b").disconnectSockets(close: true)
            try await eventually("only mine is left") { try await io.count() == 1 }
        }
    }

    @Test("events of servers reach the others, and are answered")
    func serverSide() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(3, on: redis) { nodes in
            let seen = Recorder<String>()
            for node in nodes {
                let name = node.name
                node.io.sockets.on("hello") { (text: String) in seen.append("\(name) \(text)") }
                node.io.sockets.on("ask") { (number: Int) -> SocketValue in
                    ["from": .string(name), "n": .int(Int64(number))]
                }
                if name != "nod2" { node.io.sockets.on("some") { () -> Bool in true } }
                node.io.sockets.on("none") { (text: String) async -> String in text }
            }
            try await nodes[0].io.serverSideEmit("hello", "x")
            try await eventually("both others have heard") { seen.count == 2 }
            #expect(Set(seen.all) == ["nod1 x", "nod2 x"])
            let answers = try await nodes[0].io.serverSideEmitWithAck("ask", 7, as: SocketValue.self)
            #expect(Set(answers.compactMap { $0["from"]?.string }) == ["nod1", "nod2"])
            #expect(answers.allSatisfy { $0["n"]?.int == 7 })
            let error = await #expect(throws: ClusterError.self) {
                try await nodes[0].io.serverSideEmitWithAck("some", as: Bool.self, timeout: .milliseconds(300))
            }
            #expect(error?.message == "timeout reached: only 1 responses received out of 2")
            #expect(error?.missing == ["nod2"])
            #expect(error?.responses.count == 1)
        }
    }

    @Test("the emitter reaches clients and servers")
    func emitter() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis) { nodes in
            let a = try await nodes[0].client(["a"])
            let b = try await nodes[1].client(["b"])
            let chat = try await nodes[1].client(["a"], namespace: "/chat")
            let seen = Recorder<String>()
            for node in nodes { node.io.sockets.on("sse") { (text: String) in seen.append(text) } }
            let emitter = try RedisEmitter(
                redis: redis.configuration, eventLoop: MultiThreadedLoop.next(), logger: silentLogger)
            #expect(try await emitter.to("a").emit("a", 1, SocketData([1])) == 2)
            try await emitter.except("a").volatile.emit("not a")
            try await emitter.of("chat").in("a").emit("chat")
            try await emitter.in("a").socketsJoin("c")
            try await emitter.serverSideEmit("sse", "x")
            #expect(try await a.next("a").arguments == [1, .binary([1])])
            #expect(try await chat.next("chat").name == "chat")
            try await eventually("c") { try await nodes[0].io.in("c").count() == 1 }
            try await eventually("both") { seen.count == 2 }
            try await emitter.compress(false).emit("all")
            #expect(try await b.next("all").name == "all")
            try await emitter.in("b").disconnectSockets()
            try await eventually("b is gone") { try await nodes[0].io.count() == 1 }
            await emitter.close()
        }
    }

    @Test("a peer that dies or leaves is not waited for, and comes back")
    func membership() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(
            2, on: redis,
            {
                $0.heartbeatInterval = .milliseconds(50)
                $0.peerTimeout = .milliseconds(300)
            }
        ) { nodes in
            try await eventually("they see each other") { nodes.allSatisfy { $0.cluster.nodes.count == 1 } }
            #expect(nodes[0].cluster.nodes[0].tag == "nod1")
            let extra = try RedisCluster(redis: redis.configuration, configuration: nodes[0].cluster.configuration)
            let third = try await NodeUnderTest.start("nod2", extra)
            try await eventually("three") { nodes.allSatisfy { $0.cluster.nodes.count == 2 } }
            _ = try await third.client()
            try await eventually("its socket is told") { nodes[0].cluster.nodes.contains { $0.sockets == 1 } }
            extra.isDraining = true
            try await eventually("draining") { nodes[0].cluster.nodes.contains { $0.isDraining } }
            await third.io.close()
            try await eventually("goodbye") { nodes.allSatisfy { $0.cluster.nodes.count == 1 } }
            #expect(extra.status == .closed)
            #expect(try await nodes[0].io.adapter.serverCount() == 2)
        }
    }
}
