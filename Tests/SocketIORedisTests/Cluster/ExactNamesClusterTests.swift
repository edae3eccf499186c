// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOConcurrencyHelpers
import NIOCore
import ProcessTesting
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// Names that Swift's strings take for one, between nodes.
@Suite("Rooms that differ in their bytes stay apart on all nodes", .enabled(if: RedisServer.isInstalled), .serialized)
struct ExactNamesClusterTests {
    @Test("who is reached, who is left out, who leaves, and what is counted")
    func rooms() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis) { nodes in
            let io = nodes[0].io
            for (one, other) in HostileText.twins.map({ ("user:" + $0.0, "user:" + $0.1) }) {
                let there = [
                    try await nodes[1].client([one]), try await nodes[1].client([other]),
                    try await nodes[1].client([one, other]), try await nodes[1].client(),
                ]
                io.to(one).emit("to one")
                io.to(other).emit("to other")
                io.to([one, other]).emit("to both")
                io.except(one).emit("but one")
                io.to([one, other]).except(other).emit("to both but other")
                let names = try await heard(there, nodes)
                #expect(names[0] == ["to one", "to both", "to both but other"])
                #expect(names[1] == ["to other", "to both", "but one"])
                #expect(names[2] == ["to one", "to other", "to both"])
                #expect(names[3] == ["but one"])

                #expect(try await io.in(one).allSockets() == [there[0].id, there[2].id])
                let found = try await io.in(other).fetchSockets()
                #expect(NameSet(found.map(\.id)) == [there[1].id, there[2].id])
                #expect(found.first { $0.id == there[2].id }?.rooms == [there[2].id, one, other])
                #expect(try await io.in(one).count() == 2)
                #expect(try await io.in([one, other]).count() == 3)
                let counts = try await io.countByRoom()
                #expect(counts[one] == 2 && counts[other] == 2)
                let rooms = try await io.adapter.allRooms()
                #expect(rooms.isSuperset(of: [one, other]))

                io.in(one).socketsLeave(one)
                try await eventually("left") { try await io.in(one).count() == 0 }
                #expect(try await io.in(other).count() == 2)
                io.in(other).disconnectSockets()
                try await eventually("gone") { try await io.in(other).count() == 0 }
                #expect(try await io.in(there[0].id).count() == 1)
            }
        }
    }

    @Test("a room spelled like the id of another node's socket")
    func idOfASocket() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis) { nodes in
            var victim: TestSocket?
            for _ in 0..<200 where victim == nil {
                let client = try await nodes[1].client()
                if client.id.contains("K") { victim = client } else { try await client.disconnect() }
            }
            let target = try #require(victim)
            let spelled = String(target.id.map { $0 == "K" ? "\u{212A}" : $0 })
            let spy = try await nodes[1].client([spelled])
            nodes[0].io.to(target.id).emit("secret")
            nodes[0].io.to(spelled).emit("open")
            let names = try await heard([target, spy], nodes)
            #expect(names == [["secret"], ["open"]])
        }
    }

    @Test("acknowledgements, answers of servers and values keep every name")
    func values() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis) { nodes in
            for (one, other) in HostileText.twins {
                let value = [one: 1, other: 2] as SocketValue
                #expect(value.object?.count == 2)
                nodes[1].io.sockets.on("ask") { (asked: SocketValue) in asked == value ? asked : SocketValue.null }
                let answers = try await nodes[0].io.serverSideEmitWithAck("ask", value, as: SocketValue.self)
                #expect(answers == [value])
                nodes[1].io.sockets.off("ask")
                let client = try await nodes[1].client([one])
                let remote = try #require(try await nodes[0].io.in(one).fetchSockets().first)
                #expect(remote.id == client.id && remote.handshake.auth["rooms"] == [.string(one)])
                try await client.disconnect()
            }
        }
    }
}

/// Texts of combining marks in everything that another node, or whoever can publish to Redis, may name.
@Suite("Messages of combining marks hold up no node", .serialized)
struct HostileClusterNameTests {
    private func withNode(_ body: (NodeUnderTest, ScriptedTransport) async throws -> Void) async throws {
        var configuration = RedisClusterConfiguration()
        configuration.requestsTimeout = .milliseconds(300)
        configuration.heartbeatInterval = .seconds(3_600)
        configuration.peerTimeout = .seconds(7_200)
        let holder = NIOLockedValueBox<ScriptedTransport?>(nil)
        let cluster = try RedisCluster(configuration: configuration) { eventLoop, _ in
            let transport = ScriptedTransport(eventLoop: eventLoop)
            holder.withLockedValue { $0 = transport }
            return transport
        }
        let node = try await NodeUnderTest.start("nod0", cluster) { joinAsTold($0.io.sockets) }
        let transport = try #require(holder.withLockedValue { $0 })
        try await eventually("subscribed") { transport.with { $0.patterns.count == 1 && $0.channels.count == 5 } }
        do {
            try await body(node, transport)
        } catch {
            await node.io.close()
            throw error
        }
        await node.io.close()
    }

    /// Messages with `text` wherever a text may stand, as JSON and as MessagePack.
    private static func payloads(_ text: String) -> [[UInt8]] {
        let opts = #"{"rooms":["\#(text)","a"],"except":["\#(text)b"],"flags":{"\#(text)":true}}"#
        let texts = [
            #"["\#(text)",{"type":2,"data":["ev",1],"nsp":"/"},\#(opts)]"#,
            #"["emitter",{"type":2,"data":["\#(text)",{"\#(text)":1}],"nsp":"/"},\#(opts)]"#,
            #"["emitter",{"\#(text)":2,"data":["ev",1],"nsp":"/\#(text)"},\#(opts)]"#,
            #"{"uid":"\#(text)","requestId":"\#(text)","type":1}"#,
            #"{"uid":"x","requestId":"r","type":0,"rooms":["\#(text)","a"]}"#,
            #"{"uid":"x","requestId":"r","type":5,"opts":\#(opts)}"#,
            #"{"uid":"x","type":2,"opts":\#(opts),"rooms":["\#(text)"]}"#,
            #"{"uid":"x","type":3,"opts":\#(opts),"rooms":["\#(text)"]}"#,
            #"{"uid":"x","type":4,"opts":\#(opts)}"#,
            #"{"uid":"x","type":2,"sid":"\#(text)","room":"\#(text)"}"#,
            #"{"uid":"x","type":6,"data":["\#(text)",{"\#(text)":1}]}"#,
            #"{"uid":"x","requestId":"r","type":7,"packet":{"data":["\#(text)"],"nsp":"/\#(text)"},"opts":\#(opts)}"#,
            #"{"requestId":"\#(text)","rooms":["\#(text)"],"uid":"\#(text)"}"#,
            #"{"type":9,"requestId":"\#(text)","uid":"\#(text)","sid":"\#(text)"}"#,
            #"{"type":"\#(text)","node":"\#(text)"}"#,
            #"{"type":"alive","node":"other","tag":"\#(text)","uids":{"\#(text)":"u","/":"\#(text)"},"version":"\#(text)"}"#,
            #"{"type":"alive","node":"more","tag":"tagg","uids":{"/":"u","\#(text)":"v"},"published":{"\#(text)":3}}"#,
            #"{"type":"alive","node":"\#(text)","address":"\#(text)","forward":"\#(text)","forwardKey":"\#(text)"}"#,
            #"{"type":"ask","node":"x","id":"\#(text)","nsp":"/","what":"\#(text)","opts":\#(opts)}"#,
            #"{"type":"ask","node":"x","id":"i","nsp":"/\#(text)","what":"count","opts":\#(opts)}"#,
            #"{"type":"answer","node":"other","id":"\#(text)","nsp":"\#(text)","rooms":{"\#(text)":1}}"#,
            #"{"type":"goodbye","node":"\#(text)"}"#, #"{"\#(text)":1}"#,
        ]
        return texts.flatMap { text in
            var writer = MessagePackWriter(capacity: text.utf8.count)
            let isWritten = (try? writer.write(json: ByteBuffer(string: text), attachments: [])) != nil
            return [Array(text.utf8)] + (isWritten ? [Array(writer.finish().readableBytesView)] : [])
        }
    }

    @Test("in every message, on every channel")
    func everywhere() async throws {
        try await withNode { node, transport in
            let client = try await node.client(["mine"])
            // Enough for a quadratic step to take seconds, and there would be many in each message.
            let text = HostileText.marks(bytes: 100_000)
            let payloads = Self.payloads(text)
            #expect(payloads.count == 46)
            var channels = transport.with { $0.channels.sorted() }
            channels += ["socket.io#/#", "socket.io#/#a#", "socket.io#/#\(text)#"]
            let clock = ContinuousClock()
            let start = clock.now
            for channel in channels {
                for payload in payloads {
                    try await transport.deliver(channel, payload)
                    // Once is enough to know.
                    try #require(
                        clock.now - start < .seconds(60), "after a message on \(channel.prefix(maximumBytes: 40))")
                }
            }
            node.io.emit("still here")
            while try await client.events.next().name != "still here" {}
            #expect(try await node.io.local.fetchSockets().count <= 1)
        }
    }

    @Test("ids that are too long are refused, those at the limit are not")
    func longIDs() async throws {
        try await withNode { node, transport in
            func invalid(_ id: String) async throws -> Int {
                let before = node.cluster.statistics.invalid
                try await transport.deliver(
                    "socket.io-request#/#", Array(#"{"uid":"\#(id)","requestId":"\#(id)","type":1}"#.utf8))
                return node.cluster.statistics.invalid - before
            }
            let limit = PacketWireFormat.maximumIDBytes
            let (atLimit, over) = (
                try await invalid(HostileText.plain(bytes: limit)),
                try await invalid(HostileText.plain(bytes: limit + 1))
            )
            #expect(atLimit == 0 && over == 1)
        }
    }

    @Test("what a node says of itself is kept within bytes, not characters")
    func heartbeat() throws {
        let text = HostileText.marks(bytes: 10_000)
        var message = PeerMessage(.alive, node: "other")
        (message.tag, message.version, message.address, message.forward, message.forwardKey) =
            (text, text, text, text, text)
        let peer = try #require(message.peer)
        #expect(peer.tag.utf8.count <= 64 && peer.version.utf8.count <= 64 && peer.address?.utf8.count ?? 0 <= 256)
        #expect(peer.forwardAddress?.utf8.count ?? 0 <= 300 && peer.forwardKey?.utf8.count ?? 0 <= 256)
        message.uids = ["/": text]
        #expect(message.peer == nil)
    }

    @Test("a pattern names its namespace alone, whatever characters follow a wildcard")
    func patterns() {
        let channels = ChannelNames(prefix: "socket.io", namespace: "/a*\u{301}?[\u{323}")
        #expect(Array(channels.pattern.utf8) == Array("socket.io#/a\\*\u{301}\\?\\[\u{323}#*".utf8))
    }
}
