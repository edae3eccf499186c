// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import HiredisNIO
import NIOCore
import ProcessTesting
import SocketIOCore
import SocketIOTesting
import Testing

@testable import SocketIORedis
@testable import SocketIOServer

/// Sessions that Node.js servers and this one continue for each other (`RedisStreams.sharesSessionsWithNode`).
@Suite("Sessions shared with Node", .enabled(if: RedisServer.isInstalled), .serialized, .timeLimit(.minutes(2)))
struct SharedSessionTests {
    private func withNodes(
        _ redis: RedisServer, isShared: Bool = true, _ body: ([NodeUnderTest]) async throws -> Void
    ) async throws {
        var recovery = ConnectionStateRecovery()
        recovery.skipMiddlewares = true
        try await SocketIORedisTests.withNodes(
            2, on: redis, namespaces: ["/"], recovery: recovery,
            {
                var streams = RedisStreams()
                streams.sharesSessionsWithNode = isShared
                $0.streams = streams
            }, body)
    }

    /// The value that Node's adapter stores: `{sid, pid, rooms, data}`.
    private func nodesRecord(pid: String, sid: String, rooms: [String]) throws -> String {
        var writer = MessagePackWriter()
        writer.writeMapHead(4)
        for (name, value) in [("sid", sid), ("pid", pid)] {
            writer.write(name)
            writer.write(value)
        }
        writer.write("rooms")
        writer.write([sid] + rooms)
        writer.write("data")
        try writer.write(json: RawJSON(#"{"name":"ada"}"#).text, attachments: [])
        var text = ByteBuffer()
        Base64.append(writer.finish().readableBytesView, to: &text)
        return String(buffer: text)
    }

    @Test(
        "A session of a Node server is continued here, with its id, rooms and data, and the middlewares run",
        arguments: [true, false])
    func fromNode(isShared: Bool) async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await withNodes(redis, isShared: isShared) { nodes in
            let seen = Recorder<String>()
            nodes[1].io.use { socket async throws in seen.append(socket.id) }
            let found = Recorder<SocketValue>()
            nodes[1].io.onConnection { socket in found.append(socket.data) }
            // Something that the client has seen, and something that it has missed.
            let witness = try await nodes[1].client(["room"])
            for number in 1...3 { nodes[0].io.to("room").emit("n", number) }
            for number in 1...3 { #expect(try await witness.next("n").arguments.first == .number(Double(number))) }
            let entries = try await admin.run("XRANGE", "socket.io", "-", "+").arrayValue ?? []
            let ids = entries.filter { entry in
                let fields = entry.arrayValue?.last?.arrayValue?.compactMap(\.stringValue) ?? []
                return fields.contains("3") && fields.contains("/")
            }.compactMap { $0.arrayValue?.first?.stringValue }
            #expect(ids.count == 3)
            let (pid, sid) = ("nodepidnodepidnodepi", "nodesidnodesidnodesi")
            let key = "sio:session:\(pid)"
            _ = try await admin.run("SET", key, try nodesRecord(pid: pid, sid: sid, rooms: ["room"]), "PX", "60000")
            let client = try await SocketTestClient.connect(to: nodes[1].address)
            let socket = try await client.join(
                "/", auth: .object(["pid": .string(pid), "offset": .string(ids[0])]))
            #expect((socket.id == sid) == isShared)
            guard isShared else { return }
            #expect(socket.reply["pid"]?.string == pid)
            for number in 2...3 { #expect(try await socket.next("n").arguments.first == .number(Double(number))) }
            // Used once, and kept again by this node.
            nodes[0].io.to("room").emit("n", 4)
            #expect(try await socket.next("n").arguments.first == .number(4))
            #expect(seen.all.contains(sid), "the middleware has not run")
            #expect(found.all.contains(["name": "ada"]))
        }
        await admin.close()
    }

    @Test("A session of this server has the key and the members that Node looks for")
    func toNode() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        try await withNodes(redis) { nodes in
            var client = ReturningClient()
            try await client.connect(to: nodes[0])
            nodes[0].io.to("room").emit("n", 1)
            try await client.take(through: 1)
            try await client.cut()
            let key = "sio:session:\(try #require(client.pid))"
            try await eventually("the record is written") { try await admin.run("EXISTS", key).integerValue == 1 }
            let text = try #require(try await admin.run("GET", key).stringValue)
            var reader = MessagePackReader(Base64.decode(ByteBuffer(string: text)))
            let json = try MessagePackJSON.read(&reader)
            let value = RawJSON(validated: json.json, attachments: json.attachments).value
            #expect(value["sid"]?.string == client.id && value["pid"]?.string == client.pid)
            #expect(value["rooms"]?.array?.first?.string == client.id)
            #expect(value["rooms"]?.array?.contains("room") == true)
            #expect(value["data"]?.object != nil)
            // And another node of this kind continues it.
            nodes[1].io.to("room").emit("n", 2)
            try await client.connect(to: nodes[1])
            #expect(client.recovered)
            try await client.take(through: 2)
            #expect(client.numbers == [1, 2])
        }
        await admin.close()
    }
}
