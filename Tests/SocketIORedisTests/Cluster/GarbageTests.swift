// Part of socketio-server, MIT licence; see LICENSE.

import Logging
import NIOCore
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// What Redis may hand in that no well-behaved node sends: nothing but counters move.
@Suite("Garbage from other nodes")
struct GarbageTests {
    private func withNode(
        _ change: (inout RedisClusterConfiguration) -> Void = { _ in }, logger: Logger = silentLogger,
        _ body: (NodeUnderTest, ScriptedTransport, ClusterAdapter) async throws -> Void
    ) async throws {
        try await NodeUnderTest.runScripted(
            {
                $0.requestsTimeout = .milliseconds(300)
                change(&$0)
            }, logger: logger, setUp: { joinAsTold($0.io.sockets) }, body)
    }

    private static let garbage: [[UInt8]] = [
        [], [0xC1], [0x00], [0xC0], [0x90], [0x93], [0x80], Array("{".utf8), Array("{}".utf8), Array("null".utf8),
        Array("[]".utf8), Array("[1,2,3]".utf8), Array("hello".utf8), Array(#"{"type":"x"}"#.utf8),
        Array(#"{"type":99,"requestId":"a","uid":"x"}"#.utf8), Array(#"{"type":1}"#.utf8),
        Array(#"{"type":2,"requestId":"a"}"#.utf8), Array(#"{"type":6,"data":{}}"#.utf8),
        Array(#"{"type":6,"data":[]}"#.utf8), Array(#"{"type":7}"#.utf8), Array(#"{"requestId":5}"#.utf8),
        Array(#"{"requestId":null,"type":8}"#.utf8), Array(#"{"type":2,"opts":{"rooms":[{}]}}"#.utf8),
        Array(#"{"type":1e400}"#.utf8), Array(#"{"type":5,"requestId":"#.utf8),
        [0xDD, 0xFF, 0xFF, 0xFF, 0xFF], [0x93, 0xDB, 0xFF, 0xFF, 0xFF, 0xFF], [0x93, 0xA1, 0x78, 0x80, 0x80],
        [0x93, 0xA1, 0x78, 0x81, 0xA4, 0x64, 0x61, 0x74, 0x61, 0x01, 0x80],
        [0x93, 0xA1, 0x78, 0x81, 0xA4, 0x64, 0x61, 0x74, 0x61, 0x90, 0x80],
        [0x93, 0xA1, 0x78, 0x81, 0xA4, 0x64, 0x61, 0x74, 0x61, 0x91, 0xC0, 0x80],
        [
            0x93, 0xA1, 0x78, 0x81, 0xA4, 0x64, 0x61, 0x74, 0x61, 0x91, 0xA1, 0x78, 0x81, 0xA5, 0x72, 0x6F, 0x6F, 0x6D,
            0x73, 1,
        ],
        [0x93, 0xA1, 0x78] + Array(repeating: 0x91, count: 100_000), Array(repeating: 0x7B, count: 10_000),
        Array(#"{"a":"#.utf8) + Array(repeating: 0x5B, count: 100_000),
    ]

    @Test("on every channel")
    func everywhere() async throws {
        try await withNode { node, transport, adapter in
            let client = try await node.client()
            let channels = transport.with { $0.channels.sorted() } + ["socket.io#/#", "socket.io#/#\(client.id)#"]
            var counted: [String: Int] = [:]
            for channel in channels {
                let before = node.cluster.statistics.invalid
                try await transport.deliver(channel, all: Self.garbage)
                counted[String(channel.prefix { $0 != "#" }), default: 0] += node.cluster.statistics.invalid - before
                let random = node.cluster.statistics.invalid
                // Of random bytes none is a message: the first one would have to say an array, of a few elements, or an object.
                let noise = (0..<300).map { _ in
                    [UInt8](0xC1...0xC1) + (0..<Int.random(in: 0..<80)).map { _ in .random(in: 0...255) }
                }
                try await transport.deliver(channel, all: noise)
                #expect(node.cluster.statistics.invalid - random == 300, "\(channel)")
            }
            // Of one channel of requests, and two of each other kind. Three of the pieces are answers without a request, one is
            // a broadcast and one a request to nobody.
            let count = Self.garbage.count
            #expect(
                counted == [
                    "socket.io": 2 * (count - 1), "socket.io-request": count - 1, "socket.io-response": 2 * (count - 3),
                    "socket.io-node": 2 * count,
                ])
            // Whoever was there is still served.
            node.io.emit("still here")
            #expect(try await client.next("still here").name == "still here")
            #expect(node.cluster.status == .up)
        }
    }

    @Test("every member of every message replaced by everything, on every channel, as JSON and as MessagePack")
    func misshapenEverywhere() async throws {
        try await withNode { node, transport, adapter in
            let client = try await node.client(["a"])
            let channels = transport.with { $0.channels.sorted() } + ["socket.io#/#", "socket.io#/#a#"]
            #expect(
                Set(channels.map { $0.prefix { $0 != "#" } }) == [
                    "socket.io", "socket.io-request", "socket.io-response", "socket.io-node",
                ])
            #expect(channels.count == 7)
            var payloads: [[UInt8]] = []
            for text in Misshapen.all() {
                payloads.append(Array(text.utf8))
                var writer = MessagePackWriter(capacity: text.utf8.count)
                if (try? writer.write(json: ByteBuffer(string: text), attachments: [])) != nil {
                    payloads.append(Array(writer.finish().readableBytesView))
                }
            }
            #expect(payloads.count == 6639)
            // The others are messages, if of nobody and for nobody.
            let invalid = try await self.invalid(payloads, on: channels, node, transport)
            #expect(
                invalid == [
                    "socket.io": 12_918, "socket.io-request": 5_751, "socket.io-response": 10_778,
                    "socket.io-node": 11_418,
                ])
            try await self.expectUnharmed(node, client)
        }
    }

    @Test("messages that end too early, or have wrong bytes")
    func damaged() async throws {
        try await withNode { node, transport, adapter in
            let client = try await node.client(["a"])
            let channels = transport.with { $0.channels.sorted() } + ["socket.io#/#", "socket.io#/#a#"]
            let texts =
                Misshapen.messages.map(Misshapen.json) + [
                    Misshapen.broadcast([
                        #""other""#, #"{"type":2,"data":["ev",1],"nsp":"/"}"#, #"{"rooms":["nobody"],"flags":{}}"#,
                    ])
                ]
            var (short, damaged): ([[UInt8]], [[UInt8]]) = ([], [])
            for text in texts {
                var writer = MessagePackWriter(capacity: text.utf8.count)
                try writer.write(json: ByteBuffer(string: text), attachments: [])
                for bytes in [Array(text.utf8), Array(writer.finish().readableBytesView)] {
                    short += (0..<bytes.count).map { Array(bytes.prefix($0)) }
                    for _ in 0..<100 {
                        var wrong = bytes
                        // Lengths and types of MessagePack more often than others.
                        wrong[.random(in: 0..<bytes.count)] =
                            Bool.random() ? .random(in: 0...255) : .random(in: 0xC0...0xDF)
                        damaged.append(wrong)
                    }
                }
            }
            // No part of a message is one.
            let invalid = try await self.invalid(short, on: channels, node, transport)
            let count = short.count
            #expect(
                invalid == [
                    "socket.io": 2 * count, "socket.io-request": count, "socket.io-response": 2 * count,
                    "socket.io-node": 2 * count,
                ])
            // What has a wrong byte may be.
            for channel in channels { try await transport.deliver(channel, all: damaged) }
            try await self.expectUnharmed(node, client)
        }
    }

    /// Delivers messages on channels, and counts for each kind of channel what could not be understood.
    private func invalid(
        _ payloads: [[UInt8]], on channels: [String], _ node: NodeUnderTest, _ transport: ScriptedTransport
    ) async throws -> [String: Int] {
        var counted: [String: Int] = [:]
        for channel in channels {
            let before = node.cluster.statistics.invalid
            try await transport.deliver(channel, all: payloads)
            counted[String(channel.prefix { $0 != "#" }), default: 0] += node.cluster.statistics.invalid - before
        }
        return counted
    }

    /// Whoever was there is still there and served; nothing has grown without end.
    private func expectUnharmed(_ node: NodeUnderTest, _ client: TestSocket) async throws {
        #expect(node.io.sockets.local.socketCount == 1)
        #expect(node.cluster.nodes.count <= 1024)
        #expect(node.cluster.nodes.allSatisfy { $0.sockets >= 0 && $0.sockets <= 1 << 40 && $0.tag.count <= 64 })
        #expect(node.cluster.status == .up)
        node.io.to("a").emit("still here")
        #expect(try await client.next("still here").name == "still here")
    }

    @Test("one's own messages, other namespaces, too many rooms, forged responses")
    func forged() async throws {
        try await withNode { node, transport, adapter in
            let client = try await node.client(["a"])
            func packet(_ uid: String, nsp: String = "/", rooms: [String] = []) throws -> [UInt8] {
                let packet = BroadcastPacket(namespace: nsp, event: "ev", data: try .event("ev"))
                let bytes = try PubSubWireFormat.broadcast(
                    uid: uid, packet, options: BroadcastOptions(rooms: rooms))
                return Array(bytes.readableBytesView)
            }
            let own = try packet(adapter.uid)
            try await transport.deliver("socket.io#/#", own)
            // The same in another way that MessagePack has to write a short text.
            #expect(own[0] == 0x93 && own[1] == 0xA0 | UInt8(adapter.uid.utf8.count))
            try await transport.deliver("socket.io#/#", [0x93, 0xD9, own[1] & 0x1F] + own[2...])
            try await transport.deliver("socket.io#/#", packet("other", nsp: "/chat"))
            try await transport.deliver("socket.io#/#nobody#", packet("other", rooms: ["nobody"]))
            #expect(node.cluster.statistics.received == 0)
            #expect(node.cluster.statistics.filtered == 1)
            try await transport.deliver("socket.io#/#", packet("other", rooms: (0..<70_000).map { "r\($0)" }))
            #expect(node.cluster.statistics.invalid == 1)
            try await transport.deliver("socket.io#/#", packet("other", rooms: (0..<60_000).map { "r\($0)" } + ["a"]))
            #expect(try await client.next("ev").name == "ev")
            for number in 0..<10_000 {
                try await transport.deliver(
                    "socket.io-response#/#", Array(#"{"requestId":"r\#(number % 7)","rooms":["x"]}"#.utf8))
            }
            #expect(node.cluster.statistics.invalid == 1)
            try await transport.onDelegate { $0.receivedOversized() }
            #expect(node.cluster.statistics.invalid == 2)
        }
    }

    /// One such request made 994,885 lines and held the event loop for 4.3 s.
    @Test("a request with 200,000 rooms does nothing, and says so once")
    func requestWithManyRooms() async throws {
        let (logger, lines) = recordingLogger()
        try await withNode(logger: logger) { node, transport, adapter in
            var clients: [TestSocket] = []
            for _ in 0..<5 { clients.append(try await node.client(["a"])) }
            let rooms = { (count: Int) in "[" + (0..<count).map { "\"r\($0)\"" }.joined(separator: ",") + "]" }
            func request(_ type: Int, _ rooms: String) -> [UInt8] {
                Array(#"{"uid":"other","type":\#(type),"opts":{"rooms":[],"except":[]},"rooms":\#(rooms)}"#.utf8)
            }
            let many = rooms(200_000)
            for type in [2, 3] { try await transport.deliver("socket.io-request#/#", request(type, many)) }
            let asked = Array(#"{"uid":"other","requestId":"x","type":0,"rooms":\#(many)}"#.utf8)
            try await transport.deliver("socket.io-request#/#", asked)
            #expect(node.cluster.statistics.invalid == 3)
            #expect(node.io.sockets.local.rooms.count == 6)
            // More than a socket may be in is too many to join, but not to leave.
            let most = node.io.configuration.maxRoomsPerSocket
            try await transport.deliver("socket.io-request#/#", request(2, rooms(most + 1)))
            #expect(node.cluster.statistics.invalid == 4)
            // At the limit: with the room it is in already and its own, two of them are refused to each socket.
            try await transport.deliver("socket.io-request#/#", request(2, rooms(most)))
            try await eventually("the joins") { node.io.sockets.local.rooms.count == 6 + most - 2 }
            try await transport.deliver("socket.io-request#/#", request(3, rooms(60_000)))
            try await eventually("the leaves") { node.io.sockets.local.rooms.count == 6 }
            #expect(node.cluster.statistics.invalid == 4)
            try await eventually("the count of what was left out", within: .seconds(10)) {
                lines.all.contains { $0.contains("A join was refused") }
                    && lines.all.contains { $0.contains("A message of another node was dropped") }
            }
            #expect(lines.all.count < 20, "\(lines.all)")
        }
    }

    @Test("more answers than nodes, none, late ones and double ones")
    func answers() async throws {
        try await withNode({ $0.requestsTimeout = .seconds(2) }) { node, transport, adapter in
            transport.with { $0.subscribers = 3 }
            func request() async throws -> String {
                try await eventually("asked") { !transport.published.isEmpty }
                let text = transport.published[0].text
                return try #require(try TestValue(json: text)["requestId"]?.string)
            }
            func answer(_ id: String, _ rooms: String, uid: String? = nil) async throws {
                let signature = uid.map { #","uid":"\#($0)""# } ?? ""
                try await transport.deliver(
                    "socket.io-response#/#", Array(#"{"requestId":"\#(id)","rooms":\#(rooms)\#(signature)}"#.utf8))
            }
            // Nobody answers.
            let error = await #expect(throws: ClusterError.self) { try await adapter.allRooms() }
            #expect(error?.message == "timeout reached while waiting for allRooms response")
            #expect(error?.missingForeign == 2)
            // Late, and to a request that is over.
            try await answer(try await request(), #"["late"]"#)
            transport.forget()
            // One answers twice and signs, which counts once; one answers what is no list; then nothing is missing.
            let rooms = Task { try await adapter.allRooms() }
            let id = try await request()
            try await answer(id, #"["a"]"#, uid: "x")
            try await answer(id, #"["b"]"#, uid: "x")
            #expect(node.cluster.statistics.unexpected == 1)
            try await answer(id, "null")
            #expect(try await rooms.value == ["a"])
            for _ in 0..<10_000 { try await answer(id, #"["c"]"#) }
            transport.forget()
            // Nobody else there: no message at all.
            transport.with { $0.subscribers = 1 }
            #expect(try await adapter.allRooms() == [])
            #expect(
                try await adapter.serverSideEmitWithAck(
                    BroadcastPacket(namespace: "/", event: "e", data: .event("e")), timeout: .seconds(1)
                ).isEmpty)
            #expect(transport.published.isEmpty)
        }
    }

    @Test("partial results on request")
    func partial() async throws {
        try await withNode({ $0.onRequestTimeout = .partial }) { node, transport, adapter in
            let client = try await node.client(["a"])
            transport.with { $0.subscribers = 3 }
            #expect(try await adapter.allRooms() == ["a", client.id])
            #expect(try await adapter.fetchSockets(BroadcastOptions()).map(\.id) == [client.id])
            #expect(node.cluster.statistics.requestTimeouts == 2)
        }
    }
}
