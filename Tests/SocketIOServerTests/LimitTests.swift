// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Every limit of this layer, at it and one over it, and that its refusals are counted by kind.
@Suite("Limits")
struct LimitTests {
    /// A packet that is just allowed, and one that is not, for small limits.
    struct Case: Sendable, CustomTestStringConvertible {
        let limit: ClientLimit
        let allowed: [EngineTestPacket]
        let refused: [EngineTestPacket]

        var testDescription: String { limit.rawValue }

        init(_ limit: ClientLimit, _ allowed: [EngineTestPacket], _ refused: [EngineTestPacket]) {
            (self.limit, self.allowed, self.refused) = (limit, allowed, refused)
        }
    }

    private static let bytes = EngineTestPacket.binary(Array(repeating: 7, count: 100))

    static let cases: [Case] = [
        Case(.attachments, [.text(#"52-["a"]"#), bytes, bytes], [.text(#"53-["a"]"#)]),
        // 600 bytes: the text has 400.
        Case(
            .packetBytes, [.text(text(400, prefix: "52-")), bytes, bytes],
            [.text(text(401, prefix: "52-")), bytes, bytes]),
        Case(.packetBytes, [.text(text(600, prefix: "2"))], [.text(text(601, prefix: "2"))]),
        Case(.nesting, [.text(#"2["a",[[[]]]]"#)], [.text(#"2["a",[[[[]]]]]"#)]),
        Case(.keyLength, [.text(#"2["a",{"12345678":1}]"#)], [.text(#"2["a",{"123456789":1}]"#)]),
        Case(.eventNameLength, [.text(#"2["a","b"]"#)], [.text(#"2["12345678901234567"]"#)]),
        Case(.ackID, [.text(#"29007199254740991["a"]"#)], [.text(#"29007199254740992["a"]"#)]),
        Case(.nameLength, [.text(#"2["a"]"#)], [.text("0/" + String(repeating: "n", count: 512))]),
    ]

    private static func text(_ count: Int, prefix: String) -> String {
        let frame = prefix + #"["a",""]"#
        return frame.dropLast(2) + String(repeating: "x", count: count - frame.utf8.count) + #""]"#
    }

    private func small(_ configuration: inout ServerConfiguration) {
        configuration.maxAttachments = 2
        configuration.maxPacketBytes = 600
        configuration.maxNesting = 4
        configuration.maxKeyLength = 8
        configuration.maxEventNameLength = 16
    }

    @Test("packets over a limit end the session and are counted", arguments: cases)
    func packets(_ one: Case) async throws {
        try await withServer(loops: 1) {
            small(&$0)
        } _: { io, address in
            let heard = Recorder<String>()
            let reasons = Recorder<DisconnectReason>()
            io.onConnection { socket in
                socket.onAny { name, _ in heard.append(name) }
                socket.onDisconnect { reasons.append($0) }
            }
            let client = try await SocketTestClient.connect(to: address)
            try await client.join()
            try await client.engine.send(one.allowed)
            #expect(try await heard.waitFor(1) == ["a"])
            #expect(io.context.metrics.refusals(one.limit) == 0)
            try await client.engine.send(one.refused)
            #expect(try await reasons.waitFor(1) == [.forcedClose])
            #expect(io.context.metrics.refusals(one.limit) == 1)
            #expect(heard.count == 1)
            for other in ClientLimit.allCases where other != one.limit {
                #expect(io.context.metrics.refusals(other) == 0, "\(other)")
            }
        }
    }

    @Test("a message has no more bytes in all than the engine takes in one piece, unless told otherwise")
    func defaultPacketBytes() async throws {
        try await withServer(loops: 1) {
            $0.engine.maxHttpBufferSize = 1000
        } _: { io, address in
            let heard = Recorder<String>()
            io.onConnection { socket in socket.onAny { name, _ in heard.append(name) } }
            let client = try await SocketTestClient.connect(to: address)
            try await client.join()
            let text = #"51-["a"]"#
            let rest = 1000 - text.utf8.count
            try await client.engine.send([.text(text), .binary(Array(repeating: 0, count: rest))])
            #expect(try await heard.waitFor(1) == ["a"])
            try await client.engine.send([.text(text), .binary(Array(repeating: 0, count: rest + 1))])
            try await eventually("the session is gone") { io.engine.clientsCount == 0 }
            #expect(heard.count == 1)
            #expect(io.context.metrics.refusals(.packetBytes) == 1)
        }
    }

    @Test("the auth of all namespaces of a client together is limited, and the refusal is counted")
    func authBytesPerClient() async throws {
        try await withServer(loops: 1) {
            $0.maxAuthBytes = 20
            $0.maxAuthBytesPerClient = 30
        } _: { io, address in
            _ = io.of("/n")
            let client = try await SocketTestClient.connect(to: address)
            _ = try await client.join(auth: ["a": "123456789012"])
            let reason = await refusal { try await client.join("/n", auth: ["a": "1234"]) }
            #expect(
                reason?["message"]
                    == "auth too large: at most 30 bytes are accepted for all namespaces of a connection together")
            #expect(io.context.metrics.refusals(.clientAuthBytes) == 1)
            _ = try await client.join("/n", auth: ["a": "12"])
        }
    }

    @Test("an auth over its limit is refused with an error that says so; the client may go on")
    func authBytes() async throws {
        try await withServer(loops: 1) {
            $0.maxAuthBytes = 20
        } _: { io, address in
            let auths = Recorder<SocketValue>()
            io.onConnection { auths.append($0.handshake.auth) }
            io.of("/n").onConnection { auths.append($0.handshake.auth) }
            let client = try await SocketTestClient.connect(to: address)
            let text = #"{"a":"123456789012"}"#
            #expect(text.utf8.count == 20)
            _ = try await client.join(auth: ["a": "123456789012"])
            #expect(try await auths.waitFor(1) == [["a": "123456789012"]])
            let reason = await refusal { try await client.join("/n", auth: ["a": "1234567890123"]) }
            #expect(reason?["message"] == "auth too large: at most 20 bytes are accepted")
            #expect(io.context.metrics.refusals(.authBytes) == 1)
            _ = try await client.join("/n")
            #expect(try await auths.waitFor(2)[1] == [:])
        }
    }

    @Test("what a client gave as auth is kept as the bytes it sent, and gives the same value each time")
    func authIsKeptAsBytes() throws {
        let text = #"{ "token" : "caf\u00e9", "n": 1.0, "list": [1, {"a":null}], "_placeholder": true, "num": 0 }"#
        let buffer = ByteBuffer(string: "noise" + text + "noise")
        let slice = try #require(buffer.getSlice(at: 5, length: text.utf8.count))
        let auth = try #require(GivenAuth(slice))
        #expect(auth.json.json == text)
        for _ in 0..<2 {
            #expect(auth.value["token"] == "café")
            #expect(auth.value["list"]?[1] == ["a": nil])
            #expect(auth.value["_placeholder"] == true)
        }
        #expect(GivenAuth(ByteBuffer(string: "{}")) == nil)
        #expect(GivenAuth(ByteBuffer(string: "{ }"))?.value == [:])
    }

    @Test("namespaces of a client and the lengths of their names")
    func namespaces() async throws {
        try await withServer(loops: 1) {
            $0.maxNamespacesPerClient = 2
            $0.maxNameLength = 20
        } _: { io, address in
            let longest = "/" + String(repeating: "n", count: 19)
            for name in ["/a", "/b", longest] { _ = io.of(name) }
            let client = try await SocketTestClient.connect(to: address)
            _ = try await client.join("/a")
            #expect(await refusal { try await client.join(longest + "n") }?["message"] == "Invalid namespace")
            #expect(io.context.metrics.refusals(.nameLength) == 1)
            _ = try await client.join(longest)
            #expect(await refusal { try await client.join("/b") }?["message"] == "Too many namespaces")
            #expect(io.context.metrics.refusals(.namespaces) == 1)
        }
    }

    @Test("namespaces made on demand")
    func dynamicNamespaces() async throws {
        try await withServer(loops: 1) {
            $0.maxDynamicNamespaces = 1
        } _: { io, address in
            _ = io.of(/^\/made-/)
            let client = try await SocketTestClient.connect(to: address)
            _ = try await client.join("/made-1")
            #expect(await refusal { try await client.join("/made-2") }?["message"] == "Invalid namespace")
            #expect(io.context.metrics.refusals(.dynamicNamespaces) == 1)
        }
    }

    @Test("rooms of a socket and the lengths of their names; both can be changed at once")
    func rooms() async throws {
        var wanted = ServerConfiguration()
        try await withServer(loops: 1) {
            $0.maxRoomsPerSocket = 3
            $0.maxNameLength = 20
            wanted = $0
        } _: { io, address in
            let errors = Recorder<String>()
            io.onConnection { socket in
                socket.onError { errors.append(($0 as? SocketError)?.message ?? "") }
                socket.on("join") { (rooms: [String]) -> Int in
                    socket.join(rooms)
                    return socket.rooms.count
                }
            }
            let socket = try await connect(1, to: address)[0]
            let longest = String(repeating: "r", count: 20)
            // Its own is one.
            #expect(try await socket.emitWithAck("join", [.string(longest + "r"), .string(longest), "b"]) == [3])
            #expect(io.context.metrics.refusals(.nameLength) == 1)
            #expect(io.context.metrics.refusals(.rooms) == 0)
            #expect(try await socket.emitWithAck("join", ["c"]) == [3])
            #expect(io.context.metrics.refusals(.rooms) == 1)
            #expect(
                try await errors.waitFor(2) == [
                    "a room's name may have at most 20 bytes", "a socket may be in at most 3 rooms",
                ])
            wanted.maxRoomsPerSocket = 4
            try io.reload(wanted)
            #expect(try await socket.emitWithAck("join", ["c"]) == [4])
            #expect(try await socket.emitWithAck("join", ["d"]) == [4])
            #expect(errors.all.last == "a socket may be in at most 4 rooms")
        }
    }

    @Test("acknowledgements the server waits for, of events to one and to many")
    func pendingAcknowledgements() async throws {
        try await withServer(loops: 1) {
            $0.maxPendingAcknowledgements = 1
        } _: { io, address in
            let connected = Inbox<Socket>("a connection")
            io.onConnection { connected.push($0) }
            let client = try await connect(1, to: address)[0]
            let socket = try await connected.next()
            let waiting = Task { try await socket.emitWithAck("e", as: Int.self) }
            let event = try await client.next("e")
            #expect(io.context.metrics.refusals(.pendingAcks) == 0)
            let error = await #expect(throws: SocketError.self) { try await socket.emitWithAck("e") }
            #expect(error?.code == .tooManyPendingAcknowledgements)
            #expect(error?.message == "1 acknowledgements of this socket are pending")
            #expect(io.context.metrics.refusals(.pendingAcks) == 1)
            _ = try? await io.timeout(.milliseconds(50)).emitWithAck("e", as: Int.self)
            #expect(io.context.metrics.refusals(.pendingAcks) == 2)
            try await client.acknowledge(event, 1)
            #expect(try await waiting.value == 1)
        }
    }

    @Test(
        "events that wait for middlewares, in number and in bytes",
        arguments: [ClientLimit.waitingEvents, .waitingBytes])
    func waitingEvents(limit: ClientLimit) async throws {
        try await withServer(loops: 1) {
            if limit == .waitingEvents { $0.maxWaitingEvents = 2 } else { $0.maxWaitingBytes = 2 * 5 }
        } _: { io, address in
            let gate = Gate()
            let reasons = Recorder<DisconnectReason>()
            let waiting = Recorder<Int>()
            io.onConnection { socket in
                socket.use { _ in
                    waiting.append(1)
                    try await gate.pass()
                }
                socket.onDisconnect { reasons.append($0) }
                socket.on("a") {}
            }
            let client = try await SocketTestClient.connect(to: address)
            let socket = try await client.join()
            // The first begins at once, two wait.
            for _ in 0..<3 { try await socket.emit("a") }
            _ = try await waiting.waitFor(1)
            #expect(reasons.all.isEmpty && io.context.metrics.refusals(limit) == 0)
            try await socket.emit("a")
            #expect(try await reasons.waitFor(1) == [.forcedServerClose])
            #expect(io.context.metrics.refusals(limit) == 1)
            for _ in 0..<4 { gate.open() }
        }
    }

    @Test("values that cannot work are refused")
    func validation() {
        for (change, name) in [
            ({ $0.attachmentTimeout = .zero }, "attachmentTimeout"), ({ $0.maxRooms = 0 }, "maxRooms"),
            ({ $0.maxNesting = 129 }, "maxNesting"), ({ $0.maxNesting = 0 }, "maxNesting"),
            ({ $0.maxKeyLength = 0 }, "maxKeyLength"), ({ $0.maxEventNameLength = 0 }, "maxEventNameLength"),
            ({ $0.maxAuthBytes = 1 }, "maxAuthBytes"), ({ $0.maxAuthBytesPerClient = 1 }, "maxAuthBytesPerClient"),
            ({ $0.maxPacketBytes = 0 }, "maxPacketBytes"),
            ({ $0.acknowledgementTimeout = .zero }, "acknowledgementTimeout"),
        ] as [((inout ServerConfiguration) -> Void, String)] {
            var configuration = ServerConfiguration()
            change(&configuration)
            let error = #expect(throws: SocketError.self) { try configuration.validate() }
            #expect(error?.message.hasPrefix(name + " ") == true)
        }
        var deepest = ServerConfiguration()
        deepest.maxNesting = 128
        #expect(throws: Never.self) { try deepest.validate() }
    }
}
