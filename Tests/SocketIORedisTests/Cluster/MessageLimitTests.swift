// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// What a node does with messages over the limits, told by a Redis that the test plays.
@Suite("Limits between nodes")
struct MessageLimitTests {
    private func withNode(
        _ change: (inout RedisClusterConfiguration) -> Void = { _ in },
        _ body: (NodeUnderTest, ScriptedTransport, ClusterAdapter) async throws -> Void
    ) async throws {
        try await NodeUnderTest.runScripted(
            {
                $0.maxMessageBytes = 65_536
                $0.requestsTimeout = .seconds(5)
                change(&$0)
            },
            setUp: { node in
                node.io.onConnection { socket in socket.data = ["kept": socket.handshake.auth["data"] ?? .null] }
                node.io.sockets.on("long") { () -> String in String(repeating: "x", count: 70_000) }
            }, body)
    }

    private func client(_ node: NodeUnderTest, auth: TestValue) async throws -> TestSocket {
        try await SocketTestClient.connect(to: node.address).join(auth: auth)
    }

    private func ask(_ transport: ScriptedTransport, _ request: String) async throws {
        transport.forget()
        try await transport.deliver("socket.io-request#/#", Array(request.utf8))
    }

    private func answer(_ transport: ScriptedTransport) async throws -> TestValue {
        try await eventually("answered") { transport.published.contains { $0.channel == "socket.io-response#/#" } }
        return try TestValue(json: transport.published[0].text)
    }

    @Test("an answer to a Node.js server is made to fit without headers and auth")
    func reduced() async throws {
        try await withNode { node, transport, _ in
            var ids: Set<String> = []
            for _ in 0..<3 {
                ids.insert(try await client(node, auth: ["x": .string(String(repeating: "a", count: 10_000))]).id)
            }
            try await ask(transport, #"{"uid":"node","requestId":"1","type":5,"opts":{"rooms":[],"except":[]}}"#)
            let whole = try await answer(transport)
            #expect(whole["sockets"]?[0]?["handshake"]?["auth"]?["x"] != nil)
            #expect(whole["sockets"]?[0]?["handshake"]?["headers"] != [:])

            for _ in 0..<5 {
                ids.insert(try await client(node, auth: ["x": .string(String(repeating: "a", count: 10_000))]).id)
            }
            try await ask(transport, #"{"uid":"node","requestId":"2","type":5,"opts":{"rooms":[],"except":[]}}"#)
            let reduced = try await answer(transport)
            #expect(transport.published.count == 1 && transport.published[0].payload.count <= 65_536)
            guard case .array(let sockets)? = reduced["sockets"] else {
                Issue.record("no sockets")
                return
            }
            #expect(Set(sockets.compactMap { $0["id"]?.string }) == ids)
            for socket in sockets {
                #expect(socket["handshake"]?["auth"] == [:] && socket["handshake"]?["headers"] == [:])
                #expect(socket["data"] == ["kept": nil])
            }
            #expect(node.cluster.statistics.overLimit == 0)
        }
    }

    @Test("what cannot be made to fit is not sent, counted and logged; a node of this kind hears of it by name")
    func refused() async throws {
        try await withNode { node, transport, adapter in
            for _ in 0..<8 {
                _ = try await client(node, auth: ["data": .string(String(repeating: "d", count: 10_000))])
            }
            try await ask(transport, #"{"uid":"node","requestId":"1","type":5,"opts":{"rooms":[],"except":[]}}"#)
            try await eventually("counted") { node.cluster.statistics.overLimit == 1 }
            #expect(adapter.counters.refusals(.answerBytes) == 1)
            #expect(transport.published.isEmpty)

            // A peer, which understands answers in parts, gets all of it.
            let heartbeat = #"{"type":"alive","node":"peer","tag":"peer","uids":{"/":"uid-p"},"parts":true}"#
            try await transport.deliver("socket.io-node#", Array(heartbeat.utf8))
            try await ask(transport, #"{"uid":"uid-p","requestId":"2","type":5,"opts":{"rooms":[],"except":[]}}"#)
            let channel = "socket.io-response#/#uid-p#"
            try await eventually("answered") {
                try transport.published.contains {
                    try TestValue(json: $0.text)["part"] != nil && TestValue(json: $0.text)["more"] == nil
                }
            }
            let parts = try transport.published.map { try TestValue(json: $0.text) }
            #expect(transport.published.allSatisfy { $0.channel == channel && $0.payload.count <= 65_536 })
            #expect(parts.map { $0["part"] } == [0, 1, 2])
            #expect(parts.map { $0["more"] } == [true, true, nil])
            let count = parts.reduce(0) { count, part in
                if case .array(let sockets)? = part["sockets"] { count + sockets.count } else { count }
            }
            #expect(count == 8)
        }
    }

    @Test("a socket that no message has room for: the asking node is told so by name")
    func refusedByName() async throws {
        try await withNode { node, transport, adapter in
            node.io.of("/n").onConnection { $0.data = .string(String(repeating: "d", count: 70_000)) }
            _ = try await SocketTestClient.connect(to: node.address).join("/n")
            let channel = "socket.io-request#/n#"
            try await eventually("subscribed") { transport.with { $0.channels.contains(channel) } }
            let heartbeat = #"{"type":"alive","node":"peer","tag":"peer","uids":{"/n":"uid-n"},"parts":true}"#
            try await transport.deliver("socket.io-node#", Array(heartbeat.utf8))
            transport.forget()
            try await transport.deliver(
                channel, Array(#"{"uid":"uid-n","requestId":"1","type":5,"opts":{"rooms":[],"except":[]}}"#.utf8))
            try await eventually("answered") { !transport.published.isEmpty }
            let response = try TestValue(json: transport.published[0].text)
            #expect(transport.published[0].channel == "socket.io-response#/n#uid-n#")
            #expect(response["error"]?.string?.hasPrefix("too large: ") == true)
            #expect(response["sockets"] == nil)
            #expect(adapter.counters.refusals(.answerBytes) == 1)
        }
    }

    @Test("an error instead of an answer ends the request at once, and names what was too large")
    func errorReceived() async throws {
        for timeout in RedisClusterConfiguration.RequestTimeout.allCases {
            try await withNode({ $0.onRequestTimeout = timeout }) { _, transport, adapter in
                let heartbeat = #"{"type":"alive","node":"peer","tag":"peer","uids":{"/":"uid-p"},"parts":true}"#
                try await transport.deliver("socket.io-node#", Array(heartbeat.utf8))
                transport.forget()
                let fetching = Task { try await adapter.fetchSockets(BroadcastOptions()) }
                try await eventually("asked") { !transport.published.isEmpty }
                let id = try #require(try TestValue(json: transport.published[0].text)["requestId"]?.string)
                try await transport.deliver(
                    "socket.io-response#/#",
                    Array(#"{"requestId":"\#(id)","uid":"uid-p","error":"too large: 9 bytes"}"#.utf8))
                if timeout == .partial {
                    #expect(try await fetching.value.isEmpty)
                } else {
                    let error = await #expect(throws: ClusterError.self) { try await fetching.value }
                    #expect(error?.code == .oversized)
                    #expect(error?.message == "another node could not answer: too large: 9 bytes")
                }
            }
        }
    }

    @Test("what this node has to say is not sent when it is too large: at the limit and one over it")
    func sent() async throws {
        try await withNode { node, transport, adapter in
            let client = try await client(node, auth: [:])
            let empty =
                try PubSubWireFormat.broadcast(
                    uid: adapter.uid,
                    BroadcastPacket(
                        namespace: "/", event: "e", data: try .event("e", String(repeating: "x", count: 65_000))),
                    options: BroadcastOptions()
                ).readableBytes - 65_000
            transport.forget()
            node.io.emit("e", String(repeating: "x", count: 65_536 - empty))
            node.io.emit("e", String(repeating: "x", count: 65_536 - empty + 1))
            for _ in 0..<2 { _ = try await client.next("e") }
            try await eventually("counted") { adapter.counters.refusals(.sentBytes) == 1 }
            #expect(transport.published.map(\.payload.count) == [65_536])
            let error = await #expect(throws: ClusterError.self) {
                try await node.io.serverSideEmit("e", String(repeating: "x", count: 65_536))
            }
            #expect(error?.code == .oversized)
            #expect(error?.message.contains("redis.maxMessageBytes") == true)
            #expect(adapter.counters.refusals(.sentBytes) == 2)
            let asking = await #expect(throws: ClusterError.self) {
                try await node.io.serverSideEmitWithAck("e", String(repeating: "x", count: 65_536), as: Int.self)
            }
            #expect(asking?.code == .oversized)
        }
    }

    @Test("nesting of messages: at the limit and one over it", arguments: [3, 128])
    func nesting(limit: Int) async throws {
        try await withNode({ $0.maxNesting = limit }) { node, transport, adapter in
            let client = try await client(node, auth: [:])
            func broadcast(depth: Int) throws -> [UInt8] {
                let inner = depth - 1
                let json = #"["e","# + String(repeating: "[", count: inner) + String(repeating: "]", count: inner) + "]"
                let data = EncodedArguments(json: ByteBuffer(string: json), attachments: [])
                let packet = BroadcastPacket(namespace: "/", event: "e", data: data)
                var writer = MessagePackWriter()
                writer.writeArrayHead(3)
                writer.write("other")
                writer.writeMapHead(3)
                writer.write("type" as StaticString)
                writer.write(Int64(2))
                writer.write("data" as StaticString)
                if depth <= 128 {
                    try writer.write(json: packet.data.json, attachments: [])
                } else {
                    writer.writeArrayHead(2)
                    writer.write("e")
                    for _ in 1..<inner { writer.writeArrayHead(1) }
                    writer.writeArrayHead(0)
                }
                writer.write("nsp" as StaticString)
                writer.write("/")
                writer.writeMapHead(0)
                return Array(writer.finish().readableBytesView)
            }
            try await transport.deliver("socket.io#/#", broadcast(depth: limit))
            #expect(try await client.next("e").arguments.count == 1)
            #expect(adapter.counters.refusals(.nesting) == 0)
            try await transport.deliver("socket.io#/#", broadcast(depth: limit + 1))
            #expect(adapter.counters.refusals(.nesting) == 1)
            let deep = String(repeating: "[", count: limit - 1) + String(repeating: "]", count: limit - 1)
            try await transport.deliver("socket.io-request#/#", Array(#"{"uid":"o","type":6,"data":\#(deep)}"#.utf8))
            #expect(adapter.counters.refusals(.nesting) == 1)
            try await transport.deliver("socket.io-request#/#", Array(#"{"uid":"o","type":6,"data":[\#(deep)]}"#.utf8))
            #expect(adapter.counters.refusals(.nesting) == 2)
        }
    }

    @Test("rooms, attachments and size of messages of others are counted by kind", arguments: [nil, 7])
    func kinds(limit: Int?) async throws {
        let defaults = RedisClusterConfiguration()
        let (mostRooms, mostAttachments) = (limit ?? defaults.maxRooms, limit ?? defaults.maxAttachments)
        #expect(limit != nil || (mostRooms, mostAttachments) == (65_536, 1_024))
        try await withNode({ ($0.maxRooms, $0.maxAttachments) = (mostRooms, mostAttachments) }) {
            node, transport, adapter in
            func broadcast(_ data: EncodedArguments, rooms: [String] = []) throws -> [UInt8] {
                let packet = BroadcastPacket(namespace: "/", event: "e", data: data)
                return Array(
                    try PubSubWireFormat.broadcast(uid: "o", packet, options: BroadcastOptions(rooms: rooms))
                        .readableBytesView)
            }
            let rooms = (0..<mostRooms).map(String.init)
            try await transport.deliver("socket.io#/#", broadcast(.event("e"), rooms: rooms))
            #expect(node.cluster.statistics.overLimit == 0)
            try await transport.deliver("socket.io#/#", broadcast(.event("e"), rooms: rooms + ["x"]))
            #expect(adapter.counters.refusals(.rooms) == 1)
            // Exceptions count as well, and so do the rooms of requests.
            let packet = BroadcastPacket(namespace: "/", event: "e", data: try .event("e"))
            let options = BroadcastOptions(rooms: rooms, except: ["x"])
            try await transport.deliver(
                "socket.io#/#",
                Array(try PubSubWireFormat.broadcast(uid: "o", packet, options: options).readableBytesView))
            #expect(adapter.counters.refusals(.rooms) == 2)
            for (options, refusals) in [(BroadcastOptions(rooms: rooms), 2), (options, 3)] {
                let request = ClusterRequest(uid: "o", type: .remoteLeave, opts: options, rooms: ["y"])
                try await transport.deliver("socket.io-request#/#", Array(try request.text.readableBytesView))
                #expect(adapter.counters.refusals(.rooms) == refusals)
            }
            let many = Array(repeating: SocketData([1]), count: mostAttachments)
            try await transport.deliver("socket.io#/#", broadcast(.event("e", many)))
            #expect(adapter.counters.refusals(.attachments) == 0)
            try await transport.deliver("socket.io#/#", broadcast(.event("e", many + [SocketData([1])])))
            #expect(adapter.counters.refusals(.attachments) == 1)
            try await transport.onDelegate { $0.receivedOversized() }
            #expect(adapter.counters.refusals(.messageBytes) == 1)
            #expect(node.cluster.statistics.overLimit == 5 && node.cluster.statistics.invalid == 5)
        }
    }

    @Test("limits that cannot work are refused")
    func validation() {
        for (bytes, nesting) in [(65_535, 128), (536_870_913, 128), (65_536, 0), (65_536, 129)] {
            var configuration = RedisClusterConfiguration()
            (configuration.maxMessageBytes, configuration.maxNesting) = (bytes, nesting)
            #expect(throws: ClusterError.self) { try configuration.validate() }
        }
        var configuration = RedisClusterConfiguration()
        (configuration.maxMessageBytes, configuration.maxNesting) = (536_870_912, 1)
        #expect(throws: Never.self) { try configuration.validate() }
        for path in [\RedisClusterConfiguration.maxRooms, \.maxAttachments] {
            for (value, isAllowed) in [(0, false), (1, true), (1_048_576, true), (1_048_577, false)] {
                var configuration = RedisClusterConfiguration()
                configuration[keyPath: path] = value
                #expect(((try? configuration.validate()) != nil) == isAllowed, "\(path): \(value)")
            }
        }
    }
}
