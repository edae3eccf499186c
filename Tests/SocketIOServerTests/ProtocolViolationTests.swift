// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("What the protocol does not allow")
struct ProtocolViolationTests {
    @Test(
        "packets that cannot be decoded end the session with `forced close`",
        arguments: [
            "", "9", "abc", "2", "2{}", "2[]", "2[{}]", "2[null]", "2[\"connect\"]", "2[\"disconnect\"]",
            "2[\"newListener\"]", "2[\"a\"", "511-[\"a\"]", "5-1-[\"a\"]", "59999999999999999999-[\"a\"]", "1\"x\"",
            "29007199254740992[\"a\"]", "3{}", "2[\"a\",1e]", "0[]", "51-[\"a\",{\"_placeholder\":true,\"num\":1}]",
            "2[" + String(repeating: "[", count: 200) + String(repeating: "]", count: 200) + "]",
        ])
    func undecodable(packet: String) async throws {
        try await withServer { io, address in
            let reasons = Recorder<DisconnectReason>()
            let errors = Recorder<String>()
            io.onConnection { socket in
                socket.onDisconnect { reasons.append($0) }
                socket.onError { errors.append("\($0)") }
                socket.on("a") { Issue.record("a handler ran") }
            }
            let client = try await SocketTestClient.connect(to: address)
            try await client.join()
            try await client.engine.send(packet)
            if packet.hasPrefix("51-") { try await client.engine.send([1, 2, 3]) }
            #expect(try await reasons.waitFor(1) == [.forcedClose])
            #expect(errors.count == 1)
            try await eventually("the session is gone") { io.engine.clientsCount == 0 }
        }
    }

    @Test(
        "packets that do not belong there end the session with `forced server close`",
        arguments: ["0", "4{\"message\":\"x\"}", "2/other,[\"a\"]", "3/other,1[]", "1/other,"])
    func violations(packet: String) async throws {
        try await withServer { io, address in
            let reasons = Recorder<DisconnectReason>()
            io.onConnection { socket in socket.onDisconnect { reasons.append($0) } }
            io.of("/second").onConnection { socket in socket.onDisconnect { reasons.append($0) } }
            let client = try await SocketTestClient.connect(to: address)
            try await client.join()
            try await client.join("/second")
            try await client.engine.send(packet)
            #expect(try await reasons.waitFor(2) == [.forcedServerClose, .forcedServerClose])
            try await eventually("the session is gone") { io.engine.clientsCount == 0 }
        }
    }

    @Test("an event before CONNECT ends the session")
    func eventBeforeConnect() async throws {
        try await withServer { io, address in
            let client = try await EngineTestClient.connect(to: address, transport: .websocket)
            try await client.send("2[\"a\"]")
            try await eventually("the session is gone") { io.engine.clientsCount == 0 }
        }
    }

    @Test("lenientNamespaceErrors drops packets for namespaces that were left")
    func lenient() async throws {
        try await withServer {
            $0.lenientNamespaceErrors = true
        } _: { io, address in
            io.onConnection { socket in socket.on("ping") { "pong" } }
            let client = try await SocketTestClient.connect(to: address)
            let socket = try await client.join()
            try await client.engine.send("2/other,[\"a\"]")
            #expect(try await socket.emitWithAck("ping") == ["pong"])
        }
    }

    @Test("events on their way when the server disconnects the socket are dropped, not punished")
    func eventsAfterDisconnect() async throws {
        try await withServer { io, address in
            let reasons = Recorder<DisconnectReason>()
            let heard = Recorder<Int>()
            io.onConnection { socket in
                socket.on("leave") { socket.disconnect() }
                socket.on("count") { (number: Int) in heard.append(number) }
                socket.onDisconnect { reasons.append($0) }
            }
            let client = try await EngineTestClient.connect(to: address, transport: .polling)
            try await client.send("0")
            _ = try await client.messages.next()
            try await client.send([.text("2[\"leave\"]"), .text("2[\"count\",1]"), .text("2[\"count\",2]")])
            #expect(try await client.messages.next() == .text("1"))
            try await client.send("0")
            _ = try await client.messages.next()
            #expect(reasons.all == [.serverNamespaceDisconnect])
            #expect(heard.all.isEmpty)
            #expect(io.engine.clientsCount == 1)
        }
    }

    @Test("an event named error is an ordinary event")
    func errorEvent() async throws {
        try await withServer { io, address in
            io.onConnection { socket in
                socket.onError { _ in Issue.record("taken for an error") }
                socket.on("error") { (text: String) in text }
            }
            let socket = try await connect(1, to: address)[0]
            #expect(try await socket.emitWithAck("error", "x") == ["x"])
        }
    }

    @Test("numbers are names, as in JavaScript")
    func numericName() async throws {
        try await withServer { io, address in
            io.onConnection { socket in socket.on("42") { socket.emit("yes") } }
            let client = try await SocketTestClient.connect(to: address)
            let socket = try await client.join()
            try await client.engine.send("2[42]")
            _ = try await socket.next("yes")
        }
    }
}
