// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import NIOCore
import SocketIOServer
import SocketIOTesting
import Testing

/// Attacks with Socket.IO packets, by the numbers of docs/security.md (30–40), on the `protocol` application,
/// which sends the arguments of `message` back.
@Suite("Attacks with packets")
struct PacketAttackTests {
    private static let path = "/socket.io/?EIO=4&transport=websocket"

    // MARK: closed

    @Test("30 and 31: packets before CONNECT, of the wrong kind, or unknown")
    func wrongPackets() async throws {
        try await withServer { address in
            for packet in [#"42["message",1]"#, "431[1]", "41", "42"] {
                try await expectClose(address, connected: false, [.text(packet)])
            }
            try await expectClose(address, connected: false, [.text(#"451-["message"]"#), .binary([1])])
            for packet in ["40", #"40{"a":1}"#, #"44{"message":"x"}"#, "47", "48", "49", "4", "4a", "7", "8", "9", "2"]
            {
                try await expectClose(address, [.text(packet)])
            }
        }
    }

    @Test("32: numbers of attachments that are no such number, or too many")
    func attachmentCounts() async throws {
        try await withServer { address in
            for count in [
                "11", "51", "10000000000", "-1", "1.5", "1e9", "123456789012345678901234567890", "18446744073709551616",
                "9223372036854775807", " 1", "+1", "0x1", "a",
            ] {
                try await expectClose(address, [.text(#"45\#(count)-["message",{"_placeholder":true,"num":0}]"#)])
                try await expectClose(address, [.text(#"46\#(count)-1[{"_placeholder":true,"num":0}]"#)])
            }
            try await expectClose(address, [.text("451")])
            try await expectClose(address, [.text("45")])
        }
    }

    @Test("33: placeholders that fit no attachment")
    func placeholders() async throws {
        try await withServer { address in
            for num in [
                "", #","num":-1"#, #","num":1"#, #","num":"0""#, #","num":1e400"#, #","num":0.5"#, #","num":null"#,
                #","num":18446744073709551616"#, #","num":[0]"#,
            ] {
                try await expectClose(
                    address, [.text(#"451-["message",{"_placeholder":true\#(num)}]"#), .binary([1])])
            }
            // The same attachment twice, and none used, are allowed (protocol 3.3, rule 7).
            let socket = try await connected(address)
            try await socket.send(
                #"451-1["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#)
            try await socket.send([7])
            let answer = try await text(socket)
            #expect(answer.hasPrefix("46"), "\(answer)")
            for _ in 0..<(answer.hasPrefix("462-") ? 2 : 1) { #expect(try await message(socket) == .binary([7])) }
            try await socket.send(#"451-2["message-with-ack",{"_placeholder":false,"num":0}]"#)
            try await socket.send([7])
            #expect(try await text(socket) == #"432[{"_placeholder":false,"num":0}]"#)
            await socket.connection.close()
        }
    }

    @Test("34: text and binary at the wrong time")
    func interruptedAttachments() async throws {
        try await withServer { address in
            let head = ClientFrame.text(#"452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
            try await expectClose(address, [head, .text(#"42["message",1]"#)])
            try await expectClose(address, [head, .binary([1]), .text("41")])
            try await expectClose(address, [.binary([1])])
            try await expectClose(address, connected: false, [.binary([1])])
        }
        // Gone in the middle: nothing is left of it.
        let counts = ServerUnderTest.Counts()
        try await ServerUnderTest.socketIO(setup: counts.watch) { address in
            for _ in 0..<10 {
                let socket = try await WebSocketTestClient.connect(to: address, path: Self.path)
                #expect(try await socket.nextText().hasPrefix("0{"))
                try await socket.send("40")
                #expect(try await socket.nextText().hasPrefix("40{"))
                try await socket.send(#"452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
                try await socket.send([1])
                await socket.connection.reset()
            }
            try await eventually("all are freed") {
                counts.connected == 10 && counts.clients == 0 && counts.sockets == 0
            }
            #expect(counts.events == 0)
        }
    }

    @Test("35: events without a usable name, and reserved ones")
    func eventNames() async throws {
        try await withServer { address in
            for payload in [
                "", "{}", "[]", "[{}]", "[[]]", "[null]", "[true]", #""message""#, "1", "null",
                #"["connect"]"#, #"["connect_error"]"#, #"["disconnect"]"#, #"["disconnecting"]"#,
                #"["newListener"]"#, #"["removeListener"]"#, #"["disconnect"]"#,
            ] {
                try await expectClose(address, [.text("42" + payload)])
            }
            let socket = try await connected(address)
            try await socket.send(#"42["error",{"a":1}]"#)
            try await socket.send(#"42["connection",1]"#)
            try await socket.send(#"42["",1]"#)
            try await expectAlive(socket)
        }
    }

    @Test("36: nesting at the limit, one over it, and far over it")
    func nesting() async throws {
        try await withServer { address in
            func arrays(_ depth: Int) -> String {
                String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            }
            func objects(_ depth: Int) -> String {
                String(repeating: #"{"a":"#, count: depth) + "1" + String(repeating: "}", count: depth)
            }
            let socket = try await connected(address)
            try await socket.send(#"42["message",\#(arrays(127))]"#)
            #expect(try await text(socket) == #"42["message-back",\#(arrays(127))]"#)
            try await socket.send(#"42["message",\#(objects(127))]"#)
            #expect(try await text(socket) == #"42["message-back",\#(objects(127))]"#)
            await socket.connection.close()
            for depth in [128, 5000, 100_000] {
                try await expectClose(address, [.text(#"42["message",\#(arrays(depth))]"#)])
                try await expectClose(address, [.text(#"42["message",\#(objects(depth))]"#)])
                try await expectClose(address, connected: false, [.text("40" + objects(depth + 1))])
                try await expectClose(address, [.text("431" + arrays(depth + 1))])
            }
            try await expectClose(address, [.text(#"42["message",\#(String(repeating: "[", count: 490_000))"#)])
            try await expectClose(
                address, [.text(#"42["message",\#(String(repeating: #"{"a":"#, count: 190_000))"#)])
        }
    }

    // MARK: relayed

    @Test("37: odd but valid JSON is relayed as sent, the rest closes")
    func oddValues() async throws {
        try await withServer { address in
            let socket = try await connected(address)
            for value in [
                "1e400", "-0", "18446744073709551616", "0.1", String(repeating: "9", count: 400), "-1e-400",
                #""\ud800""#, #""\udc00\ud800""#, #"{"a":1,"a":2}"#, #"{"__proto__":{"x":1},"constructor":null}"#,
                "\"\u{2028}\u{2029}\"", #""\u0000""#, #""\/""#, #"{"":""}"#, "\"\u{FFFF}\u{10FFFF}\"",
            ] {
                try await socket.send(#"42["message",\#(value)]"#)
                #expect(try await text(socket) == #"42["message-back",\#(value)]"#)
            }
            await socket.connection.close()
            for value in [
                "01", "1.", ".1", "+1", "1e", "NaN", "Infinity", "undefined", "'a'", #""\x41""#, #""\u12""#,
                "\"\u{0}\"",
                "\"\n\"", "[1,]", "{\"a\"}", "{a:1}", "tru", #""abc"#, "1 2", "/*a*/1",
            ] {
                try await expectClose(address, [.text(#"42["message",\#(value)]"#)])
            }
            try await expectClose(address, [.text("42\u{FEFF}[\"message\",1]")])
            try await expectClose(address, [.text(#"42["message",1]]"#)])
            try await expectClose(address, [.text(#"42["message",1] x"#)])
        }
    }

    @Test("38: acknowledgement ids that are too large or unknown")
    func acknowledgementIDs() async throws {
        try await withServer { address in
            try await expectClose(address, [.text(#"429007199254740992["message-with-ack"]"#)])
            try await expectClose(address, [.text(#"42123456789012345678901234567890["message-with-ack"]"#)])
            try await expectClose(address, [.text("439007199254740992[]")])
            try await expectClose(address, [.text("43123456789012345678901234567890[]")])
            let socket = try await connected(address)
            try await socket.send(#"429007199254740991["message-with-ack"]"#)
            #expect(try await text(socket) == "439007199254740991[]")
            for _ in 0..<2 { try await socket.send("43999[1]") }
            try await socket.send("430[1]")
            try await expectAlive(socket)
        }
    }

    @Test("39: too many namespaces, and names that are none")
    func namespaces() async throws {
        try await withServer { address in
            let socket = try await connected(address)
            for name in ["/nope", "/../", "/?a=1", "/a/../b", "/\u{0}", "/é😀", "/ ", "/%2e%2e"] {
                try await socket.send("40\(name),")
                let answer = try await text(socket)
                #expect(answer.hasPrefix("44/"), "\(name): \(answer)")
                #expect(answer.hasSuffix(#"{"message":"Invalid namespace"}"#), "\(name): \(answer)")
            }
            try await expectAlive(socket)
            // A name over the limit is refused; one that no decoder needs to look at ends the session, and is not sent back.
            let long = try await connected(address)
            try await long.send("40/" + String(repeating: "a", count: 300) + ",")
            let answer = try await text(long)
            #expect(answer.hasPrefix("44/aaa") && answer.hasSuffix(#"{"message":"Invalid namespace"}"#))
            try await expectAlive(long)
            try await expectClose(address, [.text("40/" + String(repeating: "a", count: 900_000) + ",")])
        }
        let children: ServerUnderTest.Setup = { io in _ = io.of { name, _ in name.hasPrefix("/n") } }
        try await ServerUnderTest.socketIO(setup: children) { address in
            let client = try await SocketTestClient.connect(to: address)
            // The length of a name is looked at before anybody is asked for it.
            await #expect(throws: RefusedNamespace(reason: ["message": "Invalid namespace"])) {
                try await client.join("/n" + String(repeating: "a", count: 255))
            }
            try await client.join("/n" + String(repeating: "a", count: 254))
            for index in 1..<64 { try await client.join("/n\(index)") }
            for index in 64..<70 {
                await #expect(throws: RefusedNamespace(reason: ["message": "Too many namespaces"])) {
                    try await client.join("/n\(index)")
                }
            }
            await client.close()
        }
    }

    @Test("40: a client that asks for very many rooms")
    func rooms() async throws {
        let setup: ServerUnderTest.Setup = { io in
            io.onConnection { socket in
                socket.on("join") { (room: String) -> Int in
                    socket.join(room)
                    return socket.rooms.count
                }
            }
        }
        try await ServerUnderTest.socketIO(setup: setup) { address in
            let client = try await SocketTestClient.connect(to: address)
            let socket = try await client.join()
            // Its own room is the first.
            for index in 2...1030 {
                let rooms = try await socket.emitWithAck("join", .string("room\(index)")).first
                #expect(rooms == .number(Double(min(index, 1024))))
            }
            await client.close()
            let other = try await SocketTestClient.connect(to: address)
            let fresh = try await other.join()
            for (length, rooms) in [(257, 1), (100_000, 1), (256, 2)] {
                let name = TestValue.string(String(repeating: "r", count: length))
                #expect(try await fresh.emitWithAck("join", name).first == .number(Double(rooms)), "\(length)")
            }
            await other.close()
        }
    }

    // MARK: helpers

    private func withServer(_ body: @Sendable (ServerAddress) async throws -> Void) async throws {
        try await ServerUnderTest.protocolSuite(
            loops: 2,
            configure: {
                $0.engine.pingInterval = .seconds(25)
                $0.engine.pingTimeout = .seconds(20)
                $0.connectTimeout = .seconds(45)
            }
        ) { address in
            try await body(address)
            // Whatever came before, the next client is served.
            let socket = try await connected(address)
            try await expectAlive(socket)
        }
    }

    private func connected(_ address: ServerAddress) async throws -> WebSocketTestClient {
        let socket = try await WebSocketTestClient.connect(to: address, path: Self.path)
        #expect(try await socket.nextText().hasPrefix("0{"))
        try await socket.send("40")
        #expect(try await socket.nextText().hasPrefix("40{"))
        #expect(try await socket.nextText() == #"42["auth",{}]"#)
        return socket
    }

    private func expectClose(_ address: ServerAddress, connected isConnected: Bool = true, _ frames: [ClientFrame])
        async throws
    {
        let socket: WebSocketTestClient
        if isConnected {
            socket = try await connected(address)
        } else {
            socket = try await WebSocketTestClient.connect(to: address, path: Self.path)
            #expect(try await socket.nextText().hasPrefix("0{"))
        }
        let what = frames.map { String(decoding: $0.payload.prefix(60), as: UTF8.self) }
        do {
            for frame in frames { try? await socket.send(frame) }
            while true {
                let message = try await socket.next(within: .seconds(5))
                if case .close = message { break }
                Issue.record("\(what): answered with \(message)")
            }
        } catch TestClientError.closed {
        } catch {
            Issue.record("\(what): \(error)")
        }
        await socket.connection.close()
    }

    private func expectAlive(_ socket: WebSocketTestClient) async throws {
        try await socket.send(#"4277["message-with-ack","alive"]"#)
        #expect(try await text(socket) == #"4377["alive"]"#)
        await socket.connection.close()
    }

    private func message(_ socket: WebSocketTestClient) async throws -> WebSocketTestMessage {
        while true {
            let message = try await socket.next()
            guard message == .text("2") else { return message }
            try await socket.send("3")
        }
    }

    private func text(_ socket: WebSocketTestClient) async throws -> String {
        let message = try await message(socket)
        guard case .text(let text) = message else { throw TestClientError.unexpected("\(message)") }
        return text
    }
}
