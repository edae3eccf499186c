// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// Messages as emitters in other languages write them, which Node understands: much is left out, or of another shape.
@Suite("Messages of emitters in other languages")
struct EmitterShapeTests {
    /// A node with a client in room `a` and one in none.
    private func withNode(
        _ body: (NodeUnderTest, ScriptedTransport, (inRoom: TestSocket, outside: TestSocket)) async throws -> Void
    ) async throws {
        try await NodeUnderTest.runScripted({ _ in }, setUp: { joinAsTold($0.io.sockets) }) { node, transport, _ in
            let inRoom = try await node.client(["a"])
            let outside = try await node.client()
            try await body(node, transport, (inRoom, outside))
        }
    }

    /// JSON as MessagePack.
    private func pack(_ json: String) throws -> [UInt8] {
        var writer = MessagePackWriter(capacity: json.utf8.count)
        try writer.write(json: ByteBuffer(string: json), attachments: [])
        return Array(writer.finish().readableBytesView)
    }

    /// Whom a message reaches.
    private enum Reach: Sendable {
        case everyone
        case room
        case nobody
        /// It is dropped and counted.
        case refused
    }

    private func expect(
        _ reach: Reach, of payload: [UInt8], _ what: String, _ node: NodeUnderTest, _ transport: ScriptedTransport,
        _ clients: (inRoom: TestSocket, outside: TestSocket)
    ) async throws {
        let before = node.cluster.statistics
        try await transport.deliver("socket.io#/#", payload)
        #expect(node.cluster.statistics.invalid - before.invalid == (reach == .refused ? 1 : 0), "\(what)")
        #expect(node.cluster.statistics.received - before.received == (reach == .refused ? 0 : 1), "\(what)")
        node.io.emit("end")
        for (client, isReached) in [
            (clients.inRoom, reach == .everyone || reach == .room), (clients.outside, reach == .everyone),
        ] {
            if isReached { #expect(try await client.events.next() == TestEvent("tea", 2), "\(what)") }
            #expect(try await client.events.next() == TestEvent("end"), "\(what)")
        }
    }

    @Test("PHP's empty maps are lists: the packet of the issue")
    func php() async throws {
        try await withNode { node, transport, clients in
            let message = #"["emitter",{"type":2,"data":["tea",2],"nsp":"/"},{"rooms":[],"flags":[]}]"#
            try await expect(.everyone, of: try pack(message), message, node, transport, clients)
        }
    }

    @Test("every shape of the options")
    func options() async throws {
        let shapes: [(String?, Reach)] = [
            (nil, .everyone), ("null", .everyone), ("false", .everyone), ("[]", .everyone), ("{}", .everyone),
            ("[1]", .everyone), ("true", .refused), ("5", .refused), (#""a""#, .refused),
            (#"{"rooms":null}"#, .everyone), (#"{"rooms":false}"#, .everyone), (#"{"rooms":{}}"#, .everyone),
            (#"{"rooms":["a"]}"#, .room), (#"{"rooms":"a"}"#, .room),
            (#"{"rooms":["a",null,{"b":1},[2],true]}"#, .room),
            (#"{"rooms":[null]}"#, .nobody), (#"{"rooms":[{},[],false]}"#, .nobody), (#"{"rooms":true}"#, .nobody),
            (#"{"rooms":{"0":"a"}}"#, .nobody), (#"{"rooms":7}"#, .nobody),
            (#"{"rooms":["a"],"except":null,"flags":null}"#, .room), (#"{"except":false}"#, .everyone),
            (#"{"except":[null,{}]}"#, .everyone), (#"{"except":{"0":"a"}}"#, .everyone),
            (#"{"rooms":["a"],"except":["a"]}"#, .nobody), (#"{"rooms":["a"],"except":"a"}"#, .nobody),
            (#"{"flags":false}"#, .everyone), (#"{"flags":"x"}"#, .everyone), (#"{"flags":[[1]]}"#, .everyone),
            (#"{"flags":{"volatile":null,"compress":0,"json":true,"timeout":"x"}}"#, .everyone),
        ]
        try await withNode { node, transport, clients in
            for (options, reach) in shapes {
                let message = #"["emitter",{"type":2,"data":["tea",2],"nsp":"/"}\#(options.map { ",\($0)" } ?? "")]"#
                try await expect(reach, of: try pack(message), message, node, transport, clients)
            }
        }
    }

    @Test("every shape of the packet and of the sender")
    func packets() async throws {
        let shapes: [(String, Reach)] = [
            (#"["emitter",{"data":["tea",2]}]"#, .everyone), (#"["emitter",{"data":["tea",2],"nsp":null}]"#, .everyone),
            (#"[null,{"type":5,"data":["tea",2],"nsp":"/"}]"#, .everyone),
            (#"[17,{"type":"2","data":["tea",2],"nsp":"/"},null,"more"]"#, .everyone),
            (#"["emitter",{"data":["tea",2],"nsp":7}]"#, .refused), (#"["emitter",{"data":{"0":"tea"}}]"#, .refused),
            (#"["emitter",{"data":[]}]"#, .refused), (#"["emitter",{"data":[null,2]}]"#, .refused),
            (#"["emitter",{"nsp":"/"}]"#, .refused), (#"["emitter",null,{}]"#, .refused), (#"["emitter"]"#, .refused),
        ]
        try await withNode { node, transport, clients in
            for (message, reach) in shapes {
                try await expect(reach, of: try pack(message), message, node, transport, clients)
            }
        }
    }

    @Test("text as byte strings, names of members that are no text, integers of every width")
    func otherEncoders() async throws {
        // ["emitter", {"type": 2, "data": ["tea", 2], "nsp": "/"}, {"rooms": nil, 5: 1}], as encoders for Go and old ones for
        // Python write it.
        let message: [UInt8] =
            [0x93, 0xC4, 7] + Array("emitter".utf8) + [0x83, 0xC4, 4] + Array("type".utf8)
            + [0xD3, 0, 0, 0, 0, 0, 0, 0, 2, 0xC4, 4] + Array("data".utf8) + [0xDD, 0, 0, 0, 2, 0xC4, 3]
            + Array("tea".utf8) + [0xD1, 0, 2, 0xDA, 0, 3] + Array("nsp".utf8) + [
                0xC4, 1, 0x2F, 0x82, 0xDB, 0, 0, 0, 5,
            ]
            + Array("rooms".utf8) + [0xC0, 5, 0xC3]
        try await withNode { node, transport, clients in
            try await expect(.everyone, of: message, "encoders", node, transport, clients)
        }
    }

    @Test("a message without a namespace is one of the main namespace")
    func unnamed() async throws {
        let message = ByteBuffer(bytes: try pack(#"["emitter",{"data":["tea"]}]"#))
        let limits = MessagePackLimits()
        #expect(try PubSubWireFormat.broadcast(message, namespace: "/", limits: limits) != nil)
        #expect(try PubSubWireFormat.broadcast(message, namespace: "/chat", limits: limits) == nil)
    }

    @Test("flags as JavaScript takes them")
    func flags() throws {
        func flags(_ json: String) throws -> BroadcastFlags {
            let message = ByteBuffer(bytes: try pack(#"["emitter",{"data":["tea"]},{"flags":\#(json)}]"#))
            let broadcast = try PubSubWireFormat.broadcast(message, namespace: "/", limits: MessagePackLimits())
            return try #require(broadcast).1.flags
        }
        #expect(try flags(#"{"volatile":1}"#).isVolatile)
        #expect(try flags(#"{"volatile":"yes"}"#).isVolatile)
        for value in ["0", "null", "false", #""""#, "0.0"] {
            #expect(try !flags(#"{"volatile":\#(value)}"#).isVolatile)
        }
        #expect(try !flags(#"{"compress":false}"#).compress)
        for value in ["0", "null", "true"] { #expect(try flags(#"{"compress":\#(value)}"#).compress) }
        #expect(try flags(#"{"timeout":1500.4}"#).timeout == .milliseconds(1500))
        #expect(try flags(#"{"timeout":1e300}"#).timeout == .seconds(86_400))
        #expect(try flags(#"{"timeout":-5}"#).timeout == .zero)
        #expect(try flags(#"{"timeout":"5"}"#).timeout == nil)
        #expect(try flags(#"{"timeout":[{}],"volatile":true}"#).isVolatile)
    }

    @Test("requests of every shape")
    func requests() async throws {
        try await withNode { node, transport, clients in
            func request(_ json: String) async throws {
                try await transport.deliver("socket.io-request#/#", Array(json.utf8))
            }
            let local = node.io.sockets.local
            func wait(_ what: String, _ count: Int, in room: String) async throws {
                try await eventually(what) { try await local.count(BroadcastOptions(rooms: [room])) == count }
            }
            // PHP's empty map, a single name for the rooms.
            try await request(#"{"type":2,"opts":{"rooms":[],"except":{}},"rooms":"b"}"#)
            try await wait("both are in b", 2, in: "b")
            try await request(#"{"type":2,"opts":{"rooms":["a"],"except":false},"rooms":["c",null,{}]}"#)
            try await wait("one is in c", 1, in: "c")
            // A list without a name never becomes everybody.
            for rooms in ["[null]", "[{}]", "true", #"{"a":"b"}"#] {
                try await request(#"{"type":4,"opts":{"rooms":\#(rooms)},"close":true}"#)
                try await request(#"{"type":3,"opts":{"rooms":\#(rooms)},"rooms":["b"]}"#)
            }
            try await request(#"{"type":3,"opts":{"rooms":["a"]},"rooms":["b"]}"#)
            try await wait("one has left b", 1, in: "b")
            #expect(local.socketCount == 2)
            // Without options it is the older form, about one socket. Options without a list may be an accident.
            let doubtful = ["null", "false", "[]", "{}", #"{"rooms":null}"#, #"{"rooms":false}"#, #"{"rooms":{}}"#]
            for opts in doubtful { try await request(#"{"type":4,"opts":\#(opts),"close":true}"#) }
            #expect(node.cluster.statistics.invalid == doubtful.count)
            try await request(#"{"uid":7,"requestId":5,"type":5,"opts":[]}"#)
            try await eventually("the answer") {
                transport.published.contains { $0.text.hasPrefix(#"{"requestId":"5","sockets":[{"#) }
            }
            try await request(#"{"type":4,"opts":{"rooms":[]},"close":1}"#)
            try await eventually("nobody is left") { local.socketCount == 0 }
            #expect(node.cluster.statistics.invalid == doubtful.count)
        }
    }

    @Test("the other adapters' messages: options that are missing or misshapen")
    func clusterMessages() throws {
        func options(_ json: String) throws -> BroadcastOptions {
            let bytes = ByteBuffer(bytes: json.first == "{" ? try pack(json) : Array(json.dropFirst().utf8))
            let message = try ClusterWireFormat.decode(bytes, limits: MessagePackLimits())
            guard case .broadcast(let packet, let options) = message.content else { throw TestFailure("no broadcast") }
            #expect(packet.event == "tea")
            return options
        }
        let head = #"{"uid":"x","nsp":"/","type":3,"data":{"packet":{"type":2,"data":["tea"]}"#
        for way in ["", "J"] {
            for part in ["", #","opts":null"#, #","opts":[]"#, #","opts":{"rooms":[],"flags":[]}"#] {
                #expect(try options(way + head + part + "}}") == BroadcastOptions(), "\(way)\(part)")
            }
            #expect(try options(way + head + #","opts":{"rooms":["a",null]}}}"#).rooms == ["a"])
            #expect(try options(way + head + #","opts":{"rooms":[null]}}}"#).rooms == [WireNames.nobody])
        }
    }
}
