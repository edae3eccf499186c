// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import SocketIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Clients whose packets are MessagePack, alone and together with others.
@Suite("Clients with the MessagePack parser")
struct MessagePackClientTests {
    /// Such a client: its packets are shown as JSON.
    private struct Packed {
        let engine: EngineTestClient

        static func connect(
            to address: ServerAddress, _ transport: TestTransport = .websocket, nsp: String = "/"
        ) async throws -> Packed {
            let client = Packed(engine: try await EngineTestClient.connect(to: address, transport: transport))
            try await client.send(#"{"type":0,"data":null,"nsp":"\#(nsp)"}"#)
            return client
        }

        func send(_ json: String, attachments: [[UInt8]] = []) async throws {
            var writer = MessagePackWriter()
            try writer.write(json: ByteBuffer(string: json), attachments: attachments.map(ByteBuffer.init(bytes:)))
            try await engine.send(Array(writer.finish().readableBytesView))
        }

        /// The next packet as JSON; byte strings as placeholders.
        func next() async throws -> String {
            guard case .binary(let bytes) = try await engine.messages.next() else { return "a text" }
            var reader = MessagePackReader(ByteBuffer(bytes: bytes))
            let json = try MessagePackJSON.read(&reader)
            return String(buffer: json.json) + json.attachments.map { " \(Array($0.readableBytesView))" }.joined()
        }

        /// The answer to CONNECT.
        func joined() async throws -> String {
            let text = try await next()
            #expect(text.hasPrefix(#"{"type":0,"data":{"sid":""#), "\(text)")
            return text
        }
    }

    @Test(
        "events, acknowledgements in both directions, byte strings, refusals",
        arguments: [TestTransport.polling, .websocket, .upgrade])
    func everything(transport: TestTransport) async throws {
        try await withServer({ $0.parser = .msgpack }) { io, address in
            io.of("/no").use { _ in throw ConnectError("not you", data: ["code": 7]) }
            io.onConnection { socket in
                socket.on("echo", arguments: { arguments, ack in ack(relaying: arguments) })
                socket.on("back", arguments: { arguments, _ in socket.emit("back", arguments: arguments) })
                socket.on("plain") { (a: Int, b: String) in a + b.count }
                socket.on("ask") { () async throws -> Int in try await socket.emitWithAck("question", "x", as: Int.self)
                }
                socket.on("bye") { socket.disconnect() }
                socket.on("tell") { socket.emit("told", 1, "two", [3.5]) }
            }
            let client = try await Packed.connect(to: address, transport)
            _ = try await client.joined()
            try await client.send(
                #"{"type":2,"data":["echo",1,{"a":[null,true]},{"_placeholder":true,"num":0}],"options":{"compress":true},"id":0,"nsp":"/"}"#,
                attachments: [[1, 2, 3]])
            #expect(
                try await client.next()
                    == #"{"type":3,"data":[1,{"a":[null,true]},{"_placeholder":true,"num":0}],"id":0,"nsp":"/"} [1, 2, 3]"#
            )
            try await client.send(#"{"data":["back",{"k":"ü"}],"nsp":"/","type":2}"#)
            #expect(try await client.next() == #"{"type":2,"data":["back",{"k":"ü"}],"nsp":"/"}"#)
            try await client.send(#"{"data":["plain",40,"ab"],"nsp":"/","type":2,"id":1}"#)
            #expect(try await client.next() == #"{"type":3,"data":[42],"id":1,"nsp":"/"}"#)
            try await client.send(#"{"data":["tell"],"nsp":"/","type":2}"#)
            #expect(try await client.next() == #"{"type":2,"data":["told",1,"two",[3.5]],"nsp":"/"}"#)
            try await client.send(#"{"data":["ask"],"nsp":"/","type":2,"id":2}"#)
            #expect(try await client.next() == #"{"type":2,"data":["question","x"],"id":0,"nsp":"/"}"#)
            try await client.send(#"{"type":3,"id":0,"data":[5],"nsp":"/"}"#)
            #expect(try await client.next() == #"{"type":3,"data":[5],"id":2,"nsp":"/"}"#)
            try await client.send(#"{"type":0,"nsp":"/no","data":{}}"#)
            #expect(
                try await client.next() == #"{"type":4,"data":{"message":"not you","data":{"code":7}},"nsp":"/no"}"#)
            try await client.send(#"{"type":0,"nsp":"/nowhere","data":{}}"#)
            #expect(try await client.next() == #"{"type":4,"data":{"message":"Invalid namespace"},"nsp":"/nowhere"}"#)
            try await client.send(#"{"data":["bye"],"nsp":"/","type":2}"#)
            #expect(try await client.next() == #"{"type":1,"nsp":"/"}"#)
        }
    }

    @Test("one room with clients of both kinds", arguments: loopCounts)
    func mixed(loops: Int) async throws {
        try await withServer(loops: loops, { $0.parser = .auto }) { io, address in
            io.onConnection { $0.join("room") }
            let texts = try await connect(3, to: address)
            var packed: [Packed] = []
            for _ in 0..<3 {
                let client = try await Packed.connect(to: address)
                _ = try await client.joined()
                packed.append(client)
            }
            io.to("room").emit("all", 1, SocketValue.binary(SocketData([7])))
            for client in packed {
                #expect(
                    try await client.next()
                        == #"{"type":2,"data":["all",1,{"_placeholder":true,"num":0}],"nsp":"/"} [7]"#)
            }
            for socket in texts { #expect(try await socket.events.next() == TestEvent("all", 1, .binary([7]))) }
            io.volatile.emit("maybe")
            for client in packed { #expect(try await client.next() == #"{"type":2,"data":["maybe"],"nsp":"/"}"#) }
            for socket in texts { #expect(try await socket.events.next() == TestEvent("maybe")) }
            // Acknowledgements of all.
            async let answers = io.timeout(.seconds(5)).emitWithAck("which")
            for client in packed {
                let text = try await client.next()
                #expect(text.hasPrefix(#"{"type":2,"data":["which"],"id":"#), "\(text)")
                let id = text.split(separator: ":")[3].prefix { $0 != "," }
                try await client.send(#"{"type":3,"id":\#(id),"data":["packed"],"nsp":"/"}"#)
            }
            for socket in texts {
                let event = try await socket.events.next()
                #expect(event.name == "which")
                try await socket.acknowledge(event, "text")
            }
            #expect(try await answers.count == 6)
            // The last of one kind has gone: the others are reached as before.
            for client in packed { await client.engine.close() }
            try await eventually("only texts") { io.engine.clientsCount == 3 }
            io.emit("end")
            for socket in texts { #expect(try await socket.events.next() == TestEvent("end")) }
        }
    }

    @Test("a client may not change, and reserved names are refused")
    func violations() async throws {
        for message in [
            EngineTestPacket.text("2[\"a\"]"), .binary([0xC0]),
            .binary(
                [0x83, 0xA4] + Array("type".utf8) + [2, 0xA3]
                    + Array("nsp".utf8) + [0xA1, 0x2F, 0xA4] + Array("data".utf8) + [0x91, 0xA7] + Array("connect".utf8)
            ),
        ] {
            try await withServer({ $0.parser = .auto }) { io, address in
                let reasons = Recorder<DisconnectReason>()
                io.onConnection { socket in socket.onDisconnect { reasons.append($0) } }
                let client = try await Packed.connect(to: address)
                _ = try await client.joined()
                try await client.engine.send([message])
                #expect(try await reasons.waitFor(1) == [.forcedClose])
            }
        }
    }

    @Test("the default parser refuses them, as before")
    func defaultParser() async throws {
        try await withServer { io, address in
            let client = try await Packed.connect(to: address)
            await #expect(throws: (any Error).self) { try await client.next() }
            try await eventually("the session is gone") { io.engine.clientsCount == 0 }
        }
    }

    @Test("a session is continued, with the events that were missed")
    func recovery() async throws {
        try await withServer({
            $0.parser = .msgpack
            $0.connectionStateRecovery = ConnectionStateRecovery()
        }) { io, address in
            let first = try await Packed.connect(to: address)
            let answer = try TestValue(json: try await first.joined())
            let pid = try #require(answer["data"]?["pid"]?.string)
            io.emit("one")
            guard case .array(let items)? = try TestValue(json: try await first.next())["data"],
                let offset = items.last?.string
            else { throw TestClientError.protocolViolation("no offset") }
            await first.engine.abort()
            try await eventually("the connection is lost") { io.engine.clientsCount == 0 }
            io.emit("two", SocketValue.binary(SocketData([1])))
            let again = Packed(engine: try await EngineTestClient.connect(to: address, transport: .websocket))
            try await again.send(#"{"type":0,"nsp":"/","data":{"pid":"\#(pid)","offset":"\#(offset)"}}"#)
            let missed = try await again.next()
            #expect(missed.hasPrefix(#"{"type":2,"data":["two",{"_placeholder":true,"num":0},""#), "\(missed)")
            #expect(missed.hasSuffix(" [1]"))
            let back = try TestValue(json: try await again.joined())
            #expect(back["data"]?["sid"] == answer["data"]?["sid"])
            #expect(back["data"]?["pid"]?.string == pid)
        }
    }
}
