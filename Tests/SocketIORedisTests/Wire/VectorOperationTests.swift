// Part of socketio-server, MIT licence; see LICENSE.

import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// Our node in the place of the recorded node A: every recorded call is made with our interface, node B's recorded answers
/// are played at it, and what is published and returned is compared, byte for byte where it is published.
@Suite("Recorded calls publish what Node publishes", .serialized)
struct VectorOperationTests {
    /// What a call returned, in the recording's terms.
    typealias Operation = @Sendable (VectorNode) async throws -> TestValue?

    @Test("as node A", arguments: ["default", "specific-response-channel", "custom-key"])
    func operations(configuration: String) async throws {
        try await VectorNode.with("A", configuration) { node in
            var count = 0
            for (name, operation) in VectorOperations.all {
                let lines = Vectors.operation("\(configuration)/\(name)")
                guard !lines.isEmpty else {
                    #expect(configuration != "default", "\(name) is not recorded")
                    continue
                }
                try await run(name, operation, lines, node)
                count += 1
            }
            #expect(count > (configuration == "default" ? 90 : 5))
        }
    }

    private func run(
        _ name: String, _ operation: Operation, _ lines: [VectorLine], _ node: VectorNode
    ) async throws {
        node.transport.forget()
        let expected = lines.filter { $0.isPublish && $0.from == "A-pub" }
        let answers = lines.filter { $0.isPublish && $0.from == "B-pub" }
        node.use(requestIDs: expected.compactMap(requestID))
        // B answers as soon as it has been asked.
        let player = Task {
            for answer in answers {
                try await eventually("\(name): the question of \(answer.text)") {
                    node.transport.published.contains { contains($0.payload, requestID(answer)) }
                }
                try await node.transport.deliver(answer.channel, answer.payload)
            }
        }
        let result = try await operation(node)
        try await player.value
        try await eventually("\(name): \(expected.count) messages, not \(node.transport.published)") {
            node.transport.published.count >= expected.count
        }
        let published = node.transport.published
        #expect(published.map(\.channel) == expected.map { node.translated($0.channel) }, "\(name)")
        for (ours, theirs) in zip(published, expected) {
            let bytes = node.translated(theirs.payload)
            #expect(ours.payload == bytes, "\(name): \(ours.text) instead of \(String(decoding: bytes, as: UTF8.self))")
        }
        if let result = result.map(VectorOperations.sorted), let recorded = lines.first?.json["result"]?.plain {
            let text = VectorOperations.sorted(recorded).json
            let translated = VectorOperations.sorted(try TestValue(json: node.translated(text)))
            #expect(result == translated, "\(name)")
        }
    }

    func requestID(_ line: VectorLine) -> String? {
        if line.isJSON {
            let message = try? TestValue(json: line.text)
            return message?["requestId"]?.string ?? message?["data"]?["requestId"]?.string
        }
        guard let range = line.disassembly.firstRange(of: "fixstr\"requestId\":fixstr\"") else { return nil }
        return String(line.disassembly[range.upperBound...].prefix { $0 != "\"" })
    }

    func contains(_ bytes: [UInt8], _ id: String?) -> Bool {
        guard let id = id.map({ Array($0.utf8) }) else { return true }
        return bytes.firstRange(of: id) != nil
    }
}

/// The recorded calls in our interface's terms. Those about values JSON does not have are left out, they are covered by
/// reading; so are integers beyond 2^53, of which all digits are kept here.
enum VectorOperations {
    typealias Operation = VectorOperationTests.Operation

    static let all: [(String, Operation)] =
        broadcasts + values + acknowledgements + sockets + servers + [
            // Last: the test client takes it for a protocol violation.
            ("placeholder-lookalike", value(["_placeholder": true, "num": 0]))
        ]

    private static func emit(_ body: @escaping @Sendable (Server, VectorNode) async throws -> Void) -> Operation {
        { node in
            try await body(node.node.io, node)
            return nil
        }
    }

    private static func value(_ arguments: SocketValue...) -> Operation {
        { node in
            let text = try arguments.map { try RawJSON(encoding: $0) }
            guard text.allSatisfy({ !$0.hasAttachments }) else { throw TestFailure("binary") }
            var data = "[\"ev\""
            for argument in text { data += ",\(argument.json)" }
            let json = try RawJSON(data + "]")
            node.node.io.emit("ev", arguments: EventArguments(try PacketPayload(text: json.text), offset: 1))
            return nil
        }
    }

    static let broadcasts: [(String, Operation)] = [
        ("emit-noargs", emit { io, _ in io.emit("ev") }),
        (
            "emit",
            emit { io, _ in
                io.emit("ev", 1, "two", true, SocketValue.null, [1, 2], ["a": ["b": "c"]] as SocketValue)
            }
        ),
        ("send", emit { io, _ in io.send("hello") }),
        ("to-one-room", emit { io, _ in io.to("room1").emit("ev", "x") }),
        ("to-two-rooms", emit { io, _ in io.to("room1").to("room2").emit("ev", "x") }),
        ("to-array", emit { io, _ in io.to(["room2", "room1"]).emit("ev", "x") }),
        ("to-same-room-twice", emit { io, _ in io.to(["room1", "room1"]).emit("ev", "x") }),
        ("in-numeric-string-room", emit { io, _ in io.to("42").emit("ev", "numeric-looking string room") }),
        ("in-unicode-room", emit { io, _ in io.to("chambre-é-😀").emit("ev", "x") }),
        ("in-hash-room", emit { io, _ in io.to("a#b#").emit("ev", "x") }),
        ("in-empty-room", emit { io, _ in io.to("").emit("ev", "x") }),
        ("to-socket-id", emit { io, node in io.to(Vectors.socket(node.configuration, "b")).emit("ev", "private") }),
        ("except", emit { io, _ in io.except("room1").emit("ev", "x") }),
        ("except-two", emit { io, _ in io.except(["room1", "room2"]).emit("ev", "x") }),
        ("to-except", emit { io, _ in io.to("room1").except("room2").emit("ev", "x") }),
        (
            "to-two-except-two",
            emit { io, node in
                io.to(["room1", "room2"]).except(["room3", node.clients["a"]?.id ?? ""]).emit("ev", "x")
            }
        ),
        ("volatile", emit { io, _ in io.volatile.emit("ev", "x") }),
        ("compress-false", emit { io, _ in io.compress(false).emit("ev", "x") }),
        ("timeout-flag-only", emit { io, _ in io.timeout(.milliseconds(500)).emit("ev", "x") }),
        (
            "all-flags",
            emit { io, _ in
                io.volatile.compress(false).timeout(.milliseconds(100)).to("room1").emit("ev", "x")
            }
        ),
        ("local", emit { io, _ in io.local.emit("ev", "not published") }),
        ("socket-broadcast", emit { _, node in try await node.socketA().broadcast.emit("ev", "x") }),
        ("socket-to", emit { _, node in try await node.socketA().to("room1").emit("ev", "x") }),
        ("socket-to-except", emit { _, node in try await node.socketA().to("room1").except("room2").emit("ev", "x") }),
        ("socket-volatile-broadcast", emit { _, node in try await node.socketA().volatile.broadcast.emit("ev", "x") }),
        (
            "socket-compress-broadcast",
            emit { _, node in try await node.socketA().compress(false).broadcast.emit("ev", "x") }
        ),
        (
            "socket-emit-local-only",
            emit { _, node in try await node.socketA().emit("ev", "a plain socket.emit is not published") }
        ),
        (
            "socket-join-leave",
            emit { _, node in
                try await node.socketA().join("only-local-state")
                try await node.socketA().leave("only-local-state")
            }
        ),
        ("nsp-emit", emit { io, _ in io.of("/chat").emit("ev", "x") }),
        ("nsp-to-one-room", emit { io, _ in io.of("/chat").to("room1").emit("ev", "x") }),
        ("nsp-except", emit { io, _ in io.of("/chat").to("room1").except("room2").emit("ev", "x") }),
        (
            "event-names",
            emit { io, _ in
                io.emit("with space / ünicode", 1)
                io.emit("", 2)
                io.emit("message", 3)
            }
        ),
    ]

    static let values: [(String, Operation)] = [
        ("buffer", emit { io, _ in io.emit("ev", SocketData([1, 2, 3])) }),
        ("buffer-empty", emit { io, _ in io.emit("ev", SocketData([])) }),
        ("buffer-300", emit { io, _ in io.emit("ev", SocketData(Array(repeating: 7, count: 300))) }),
        ("buffer-70000", emit { io, _ in io.emit("ev", SocketData(Array(repeating: 1, count: 70_000))) }),
        (
            "buffers-nested",
            emit { io, _ in
                let nested: SocketValue = [
                    "a": .binary(SocketData("x".utf8)),
                    "b": [.binary(SocketData("y".utf8)), ["c": .binary(SocketData("z".utf8))]],
                ]
                io.emit("ev", nested, "s", SocketData("w".utf8))
            }
        ),
        (
            "buffer-and-json",
            emit { io, _ in
                io.to("room1").emit("ev", "s", 1, ["bin": .binary(SocketData([255, 0]))] as SocketValue)
            }
        ),
        ("typedarray-uint8", emit { io, _ in io.emit("ev", SocketData([1, 2, 3])) }),
        ("typedarray-uint16", emit { io, _ in io.emit("ev", SocketData([1, 2])) }),
        ("arraybuffer", emit { io, _ in io.emit("ev", SocketData([9, 8, 7])) }),
        ("undefined-arg", value(.null, 1)),
        ("undefined-in-object", value(["b": .null, "c": 1])),
        ("undefined-in-array", value([.null, .null, 1])),
        ("null-arg", value(.null)),
        ("function-in-object", value(["a": 1])),
        ("tojson", value(["from": "toJSON"])),
        ("map-and-set", value([:], [:])),
        (
            "ints",
            value(
                0, 1, 127, 128, 255, 256, 65535, 65536, 4_294_967_295, 4_294_967_296, 9_007_199_254_740_991)
        ),
        (
            "neg-ints",
            value(
                -1, -32, -33, -128, -129, -32768, -32769, -2_147_483_648, -2_147_483_649, -9_007_199_254_740_991)
        ),
        ("floats", value(0.5, -0.5, 1.1, 3.141592653589793, 1e-7, .double(.leastNonzeroMagnitude))),
        ("float-integral", value(.double(1.0), .double(-0.0), .double(1e3))),
        ("boolean", value(true, false)),
        (
            "strings",
            value(
                "", .string(String(repeating: "a", count: 31)), .string(String(repeating: "b", count: 32)),
                .string(String(repeating: "c", count: 255)), .string(String(repeating: "d", count: 256)))
        ),
        ("string-65536", value(.string(String(repeating: "e", count: 65_536)))),
        ("unicode", value("é ü ß", "てすと", "Я Б Г", "😀👨‍👩‍👧", "\u{0}\u{1}\u{2028}\u{2029}", "\u{7f}\u{80}")),
        ("unicode-key", value(["clé": 1, "😀": 2])),
        ("deep", value(["l1": ["l2": ["l3": ["l4": ["l5": [[[[["x"]]]]]]]]]])),
        ("array-16", value(.array((0..<16).map { .int($0) }))),
        ("map-16", value(.object(SocketObject((0..<16).map { (key: "k\($0)", value: .int(Int64($0))) })))),
        ("key-order", value(["2": "two", "10": "int-like keys come first", "z": 1, "a": 2])),
    ]

    private static func ask(
        _ event: String, _ argument: any Encodable & Sendable = "q", milliseconds: Int = 400,
        _ target: @escaping @Sendable (Server, VectorNode) -> BroadcastOperator = { io, _ in io.everyone }
    ) -> Operation {
        { node in
            let operation = target(node.node.io, node).timeout(.milliseconds(milliseconds))
            do {
                func open<Argument: Encodable & Sendable>(_ argument: Argument) async throws -> [EventArguments] {
                    try await operation.emitWithAck(event, argument)
                }
                return result(try await open(argument), error: nil)
            } catch let error as BroadcastAckError {
                return result(error.responses, error: error.message)
            }
        }
    }

    /// Answers come in any order.
    static func result(_ answers: [EventArguments], error: String?) -> TestValue {
        sorted(["err": error.map { .string($0) } ?? nil, "res": .array(answers.map { TestValue($0[0]) })])
    }

    /// The same value with lists of results in one order, and bytes as JSON can show them.
    static func sorted(_ value: TestValue) -> TestValue {
        switch value {
        case .object(let members): return .object(members.mapValues(sorted))
        case .array(let items): return .array(items.map(sorted).sorted { $0.json < $1.json })
        case .binary(let bytes): return .array(bytes.map { .number(Double($0)) })
        default: return value
        }
    }

    static let acknowledgements: [(String, Operation)] = [
        ("broadcast-ack", ask("ask")),
        ("broadcast-ack-room", ask("ask") { io, _ in io.to("room1") }),
        ("broadcast-ack-except", ask("ask") { io, _ in io.except("room1") }),
        ("broadcast-ack-binary-request", ask("ask", SocketData([1, 2]))),
        ("broadcast-ack-binary-response", ask("ask-bin")),
        ("broadcast-ack-noarg-response", ask("ask-none")),
        ("broadcast-ack-multi-args-response", ask("ask-multi")),
        ("broadcast-ack-null-response", ask("ask-null")),
        ("broadcast-ack-date-float-response", ask("ask-float")),
        ("broadcast-ack-timeout", ask("ask-silent", milliseconds: 150)),
        ("broadcast-ack-nsp", ask("ask") { io, _ in io.of("/chat").everyone }),
        ("broadcast-ack-no-match", ask("ask") { io, _ in io.to("nobody-there") }),
        (
            "broadcast-ack-expectSingleResponse",
            ask("ask") { io, node in io.to(Vectors.socket(node.configuration, "b")) }
        ),
        (
            "remote-socket-emit-ack",
            { node in
                let found = try await node.remoteB()
                let answer: String = try await found.timeout(.milliseconds(400)).emitWithAck(
                    "ask", "via RemoteSocket", as: String.self)
                #expect(answer == "answer-b")
                return nil
            }
        ),
    ]

    private static func fetch(
        _ target: @escaping @Sendable (Server) -> BroadcastOperator
    ) -> Operation {
        { node in
            let sockets = try await target(node.node.io).fetchSockets()
            return sorted(
                .array(
                    sockets.map { socket in
                        [
                            "id": .string(socket.id), "rooms": .array(socket.rooms.map { .string($0) }),
                            "data": TestValue(socket.data),
                        ]
                    }))
        }
    }

    static let sockets: [(String, Operation)] = [
        (
            "all-rooms",
            {
                _ = try await $0.node.io.adapter.allRooms()
                return nil
            }
        ),
        (
            "fetch-sockets",
            {
                _ = try await $0.node.io.fetchSockets()
                return nil
            }
        ),
        (
            "fetch-sockets-room",
            {
                _ = try await $0.node.io.in("room1").fetchSockets()
                return nil
            }
        ),
        (
            "fetch-sockets-except",
            {
                _ = try await $0.node.io.in("room1", "room2").except("room3").fetchSockets()
                return nil
            }
        ),
        ("fetch-sockets-local", fetch { $0.local }),
        ("fetch-sockets-nsp", fetch { $0.of("/chat").everyone }),
        (
            "fetch-sockets-data-binary",
            { node in
                let sockets = try await node.node.io.in(Vectors.socket(node.configuration, "b")).fetchSockets()
                return sorted(.array(sockets.map { TestValue($0.data) }))
            }
        ),
        ("server-count", { .number(Double(try await $0.node.io.adapter.serverCount())) }),
        ("sockets-join", emit { io, _ in io.socketsJoin("j1") }),
        ("sockets-join-many", emit { io, _ in io.in("room1").except("room2").socketsJoin("j2", "j3") }),
        ("sockets-leave", emit { io, _ in io.in("room1").socketsLeave("j2") }),
        ("sockets-leave-many", emit { io, _ in io.socketsLeave("j1", "j2", "j3") }),
        ("sockets-join-local", emit { io, _ in io.local.socketsJoin("jl") }),
        (
            "remote-socket-join",
            emit { _, node in
                let found = try await node.remoteB()
                found.join("rs1")
                found.leave("rs1")
            }
        ),
        ("disconnect-sockets", emit { io, _ in io.in("kick2").disconnectSockets() }),
        ("disconnect-sockets-close", emit { io, _ in io.of("/chat").in("kick2").disconnectSockets(close: true) }),
        ("disconnect-sockets-local", emit { io, _ in io.local.in("nobody").disconnectSockets() }),
    ]

    private static func askServers(
        _ event: String, _ argument: SocketValue?
    ) -> Operation {
        { node in
            let io = node.node.io.sockets
            do {
                let answers: [SocketValue?]
                if let argument {
                    answers = try await io.serverSideEmitWithAck(
                        event, argument, as: SocketValue?.self, timeout: .milliseconds(600))
                } else {
                    answers = try await io.serverSideEmitWithAck(
                        event, as: SocketValue?.self, timeout: .milliseconds(600))
                }
                return .array([nil, .array(answers.map { TestValue($0 ?? .null) })])
            } catch let error as ClusterError {
                return .array([.string(error.message), .array(error.responses.map { TestValue($0[0]) })])
            }
        }
    }

    static let servers: [(String, Operation)] = [
        (
            "sse",
            emit { io, _ in
                try await io.serverSideEmit("hello", "world", 1, ["a": [.null, true]] as SocketValue)
            }
        ),
        ("sse-noargs", emit { io, _ in try await io.serverSideEmit("hello") }),
        ("sse-binary", emit { io, _ in try await io.serverSideEmit("hello", SocketData([1, 2, 3])) }),
        (
            "sse-undefined",
            emit { io, _ in
                try await io.serverSideEmit("hello", SocketValue.null, Double.nan, "1970-01-01T00:00:00.000Z")
            }
        ),
        ("sse-nsp", emit { io, _ in try await io.of("/chat").serverSideEmit("hello", "chat") }),
        ("sse-ack", askServers("ping", "x")),
        ("sse-ack-noresponse-value", askServers("ping-none", nil)),
        ("sse-ack-silent", askServers("ping-silent", nil)),
    ]
}

extension VectorNode {
    /// The recorded client a's socket.
    func socketA() async throws -> Socket {
        guard let id = clients["a"]?.id, let socket = await node.io.sockets.socket(id) else {
            throw TestFailure("no socket a")
        }
        return socket
    }

    /// What the recording does to client b's data.
    func setDataOfB(_ data: SocketValue) async throws {
        guard let id = clients["b"]?.id, let socket = await node.io.sockets.socket(id) else {
            throw TestFailure("no socket b")
        }
        socket.data = data
    }

    /// The recorded client b, on the other node.
    func remoteB() async throws -> RemoteSocket {
        guard let found = try await node.io.in(Vectors.socket(configuration, "b")).fetchSockets().first else {
            throw TestFailure("b was not found")
        }
        return found
    }
}
