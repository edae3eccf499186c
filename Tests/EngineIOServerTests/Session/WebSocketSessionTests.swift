// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import Testing

@testable internal import EngineIOServer

@Suite struct WebSocketSessionTests {
    typealias Server = SessionTestServer

    @Test(arguments: [1, 2])
    func echoesTextAndBinary(loops: Int) async throws {
        try await Server.run(loops: loops) { server in
            let wire = try await server.connect()
            let response = try await wire.upgrade(Server.websocket)
            #expect(response.status == 101)
            #expect(response.header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            let open = try await wire.text()
            let sid = try Server.sid(in: open)
            #expect(
                open == "0{\"sid\":\"\(sid)\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,"
                    + "\"maxPayload\":1000000}")
            try await wire.sendText("4hällo")
            #expect(try await wire.text() == "4hällo")
            try await wire.send(SessionWire.frame(opcode: 2, [0, 1, 255]))
            #expect(try await wire.frame() == SessionWire.Frame(opcode: 2, payload: [0, 1, 255]))
            let large = [UInt8](repeating: 7, count: 300_000)
            try await wire.send(SessionWire.frame(opcode: 2, large))
            #expect(try await wire.frame() == SessionWire.Frame(opcode: 2, payload: large))
        }
    }

    @Test func aBurstIsAnsweredInOrder() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            // The first messages come right behind the request.
            let messages = (0..<1000).map { "4message \($0)" }
            let bytes = Array(SessionWire.upgradeRequest(Server.websocket).utf8) + messages.flatMap(SessionWire.text)
            try await wire.send(bytes)
            #expect(try await wire.response().status == 101)
            _ = try await wire.text()
            for message in messages { #expect(try await wire.text() == message) }
        }
    }

    @Test func everyByteMayComeAlone() async throws {
        try await Server.run({ $0.headTimeout = .seconds(60) }) { server in
            let wire = try await server.connect()
            for byte in SessionWire.upgradeRequest(Server.websocket).utf8 { try await wire.send([byte]) }
            #expect(try await wire.response().status == 101)
            _ = try await wire.text()
            for byte in SessionWire.text("4abc") + SessionWire.text("4def") { try await wire.send([byte]) }
            #expect(try await wire.text() == "4abc")
            #expect(try await wire.text() == "4def")
        }
    }

    @Test func echoesTheFirstSubprotocol() async throws {
        try await Server.run { server in
            let response = try await server.connect().upgrade(
                Server.websocket, headers: "Sec-WebSocket-Protocol: one, two\r\n")
            #expect(response.status == 101)
            #expect(response.header("sec-websocket-protocol") == "one")
        }
    }

    @Test(arguments: [
        ("Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 426),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400),
        ("Sec-WebSocket-Version: 13\r\n", 400),
        ("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n", 400),
        (
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400
        ),
    ])
    func refusesBadHandshakes(headers: String, status: Int) async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            try await wire.send(
                "GET \(Server.websocket) HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + headers + "\r\n")
            let response = try await wire.response()
            #expect(response.status == status)
            #expect(response.header("sec-websocket-version") == (status == 426 ? "13" : nil))
            _ = try await wire.receiveEnd()
            #expect(server.engine.clientsCount == 0)
        }
    }

    @Test func refusedUpgradesGetTheBareText() async throws {
        try await Server.run(loops: 2) { server in
            for (target, text) in [
                (Server.target("websocket", "nope"), "Session ID unknown"),
                ("/socket.io/?EIO=4&transport=abc", "Transport unknown"),
                ("/socket.io/?EIO=3&transport=websocket", "Unsupported protocol version"),
            ] {
                let wire = try await server.connect()
                let response = try await wire.upgrade(target)
                #expect(response.status == 400)
                #expect(response.header("content-type") == "text/html")
                #expect(response.header("connection") == "close")
                #expect(response.body == text)
                _ = try await wire.receiveEnd()
            }
        }
    }

    @Test func answersPingsAndCloseFrames() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            let sid = try await server.openWebSocket(wire)
            try await wire.send(SessionWire.frame(opcode: 9, [1, 2, 3]))
            #expect(try await wire.frame() == SessionWire.Frame(opcode: 10, payload: [1, 2, 3]))
            try await wire.send(SessionWire.frame(opcode: 8, [0x03, 0xE8]))
            #expect(try await wire.frame() == SessionWire.Frame(opcode: 8, payload: [0x03, 0xE8]))
            #expect(try await wire.receiveEnd() == [])
            #expect(try await server.closeReason(sid) == "transport close|close code 1000")
        }
    }

    @Test(
        arguments: [
            (SessionWire.frame(opcode: 3, [1]), 1002, "transport error"),
            (SessionWire.frame(opcode: 1, [0x34, 0xFF]), 1007, "transport error"),
            (SessionWire.frame(opcode: 1, [UInt8](repeating: 0x34, count: 1001)), 1009, "transport error"),
            ([0x81, 0x01, 0x34], 1002, "transport error"),
            ((0..<60).flatMap { _ in SessionWire.frame(opcode: 10, []) }, 1008, "transport error"),
        ] as [([UInt8], Int, String)])
    func protocolErrorsCloseWithTheirCode(bytes: [UInt8], code: Int, reason: String) async throws {
        try await Server.run({ $0.maxHttpBufferSize = 1000 }) { server in
            let wire = try await server.connect()
            let sid = try await server.openWebSocket(wire)
            try await wire.send(bytes)
            let frame = try await wire.frame()
            #expect(frame.opcode == 8)
            #expect(frame.payload.prefix(2) == [UInt8(code >> 8), UInt8(code & 0xFF)])
            _ = try await wire.receiveEnd(within: .seconds(3))
            #expect(try await server.closeReason(sid).hasPrefix(reason))
        }
    }

    @Test func whatIsNoPacketIsAParseError() async throws {
        try await Server.run { server in
            for text in ["", "7", "x"] {
                let wire = try await server.connect()
                let sid = try await server.openWebSocket(wire)
                try await wire.sendText(text)
                #expect(try await wire.frame().opcode == 8)
                #expect(try await server.closeReason(sid).hasPrefix("parse error"))
                wire.close()
            }
        }
    }

    @Test func aSessionThatIsClosedWhileItOpensSaysSo() async throws {
        try await Server.run(onOpen: { $0.close() }) { server in
            let wire = try await server.connect()
            #expect(try await wire.upgrade(Server.websocket).status == 101)
            let sid = try Server.sid(in: try await wire.text())
            #expect(try await server.closeReason(sid) == "forced close|")
            #expect(try await wire.frame().opcode == 8)
        }
    }

    @Test func closesForEveryReason() async throws {
        try await Server.run { server in
            var wire = try await server.connect()
            var sid = try await server.openWebSocket(wire)
            try await wire.sendText("1")
            #expect(try await server.closeReason(sid) == "transport close|close packet")
            wire.close()

            wire = try await server.connect()
            sid = try await server.openWebSocket(wire)
            try await wire.sendText("2")
            #expect(try await server.closeReason(sid) == "transport error|invalid heartbeat direction")
            wire.close()

            wire = try await server.connect()
            sid = try await server.openWebSocket(wire)
            wire.close()
            #expect(try await server.closeReason(sid).hasPrefix("transport close"))

            wire = try await server.connect()
            sid = try await server.openWebSocket(wire)
            let session = try #require(server.session(sid))
            session.send(OutboundMessage(head: .message(.text(ByteBuffer(string: "last")))))
            session.close()
            session.send(OutboundMessage(head: .message(.text(ByteBuffer(string: "late")))))
            #expect(try await wire.text() == "4last")
            #expect(try await wire.frame() == SessionWire.Frame(opcode: 8, payload: []))
            #expect(try await server.closeReason(sid) == "forced close|")
            // The server waits for our close frame, for a second at most.
            try await wire.send([UInt8](repeating: 0, count: 100_000))
            _ = try await wire.receiveEnd(within: .seconds(3))
        }
    }

    @Test func base64OnRequest() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            #expect(try await wire.upgrade(Server.websocket + "&b64=1").status == 101)
            _ = try await wire.text()
            try await wire.sendText("bAQID")
            #expect(try await wire.text() == "bAQID")
            try await wire.send(SessionWire.frame(opcode: 2, [1, 2, 3]))
            #expect(try await wire.text() == "bAQID")
        }
    }

    @Test func theServerClosesEverySession() async throws {
        try await Server.run(loops: 2) { server in
            var wires: [SessionWire] = []
            var sids: [String] = []
            for _ in 0..<4 {
                let wire = try await server.connect()
                sids.append(try await server.openWebSocket(wire))
                wires.append(wire)
            }
            let polling = try await server.connect()
            sids.append(try await server.openPolling(polling))
            async let closed: Void = server.engine.close()
            for wire in wires {
                #expect(try await wire.frame().opcode == 8)
                try await wire.send(SessionWire.frame(opcode: 8, []))
            }
            await closed
            for sid in sids { #expect(try await server.closeReason(sid) == "forced close|") }
            #expect(server.engine.clientsCount == 0)
            #expect(try await polling.get(Server.polling).status == 503)
        }
    }

    @Test func theInitialPacketComesBehindTheOpenPacket() async throws {
        try await Server.run({ $0.initialPacket = .text(ByteBuffer(string: "welcome")) }) { server in
            let wire = try await server.connect()
            _ = try await server.openWebSocket(wire)
            #expect(try await wire.text() == "4welcome")
            let response = try await server.connect().get(Server.polling)
            #expect(response.body.hasSuffix("}\u{1e}4welcome"))
        }
    }

    @Test func sha1OfTheTestVectors() {
        let hex = { (text: String) in
            var digest = [UInt8](repeating: 0, count: SHA1.length)
            digest.withUnsafeMutableBytes { digest in
                Array(text.utf8).withUnsafeBytes { SHA1.hash($0, into: digest) }
            }
            return digest.map { String(format: "%02x", $0) }.joined()
        }
        #expect(hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(
            hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
                == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
    }
}
