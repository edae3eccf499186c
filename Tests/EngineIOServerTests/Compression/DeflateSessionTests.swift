// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import NIOCore
internal import NIOSSL
internal import Testing

@testable internal import EngineIOServer

/// Compression over real sockets, with a client that uses zlib itself.
@Suite struct DeflateSessionTests {
    typealias Server = SessionTestServer

    private static let on: @Sendable (inout EngineConfiguration) -> Void = {
        $0.perMessageDeflate = PerMessageDeflateConfiguration()
    }

    private static let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    private static func text(_ text: String, compress: Bool = true) -> OutboundMessage {
        OutboundMessage(head: .message(.text(ByteBuffer(string: text))), compress: compress)
    }

    /// A WebSocket with its session.
    private func open(
        _ server: Server, _ target: String = Server.websocket, offer: String = SessionWire.deflateOffer
    ) async throws -> (wire: SessionWire, sid: String) {
        let wire = try await server.connect()
        let response = try await wire.upgrade(target, headers: offer)
        #expect(response.status == 101)
        #expect(response.header("sec-websocket-extensions") == (offer.isEmpty ? nil : Self.answer))
        let sid = try Server.sid(in: try await wire.text())
        try await eventually("the session") { server.session(sid) != nil }
        return (wire, sid)
    }

    @Test(arguments: [1, 2])
    func echoesCompressedMessages(loops: Int) async throws {
        try await Server.run(loops: loops, Self.on) { server in
            let wire = try await open(server).wire
            let long = "4" + String(repeating: "hällo 🎉 ", count: 30_000)
            for text in ["4", "4short", long, "4" + String(repeating: "x", count: 1023)] {
                try await wire.send(try SessionWire.compressed(text))
                let answer = try await wire.unpacked()
                let isSame = answer.bytes == Array(text.utf8)
                #expect(isSame, "\(answer.bytes.count) bytes")
                #expect(answer.isCompressed == (text.utf8.count >= 1024))
            }
            // Not compressed, binary, and in fragments of one byte with a ping after each.
            try await wire.sendText("4plain")
            #expect(try await wire.text() == "4plain")
            let binary = [UInt8](repeating: 7, count: 200_000)
            try await wire.send(SessionWire.frame(opcode: 2, try ClientDeflate.pack(binary), isCompressed: true))
            #expect(try await wire.unpacked() == (binary, true))
            let packed = try ClientDeflate.pack("4in pieces")
            for (index, byte) in packed.enumerated() {
                try await wire.send(
                    SessionWire.frame(
                        opcode: index == 0 ? 1 : 0, [byte], isFinal: index == packed.count - 1, isCompressed: index == 0
                    )
                        + SessionWire.frame(opcode: 9, [UInt8(index)]))
            }
            for index in 0..<(packed.count - 1) {
                #expect(try await wire.frame() == SessionWire.Frame(opcode: 10, payload: [UInt8(index)]))
            }
            // The message and the last pong, in either order.
            let last = [try await wire.frame(), try await wire.frame()]
            #expect(last.contains(SessionWire.Frame(opcode: 1, payload: Array("4in pieces".utf8))))
        }
    }

    @Test func isOffUnlessConfiguredAndOffered() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            // Malformed too: without compression nobody looks at it.
            let response = try await wire.upgrade(
                Server.websocket, headers: "Sec-WebSocket-Extensions: permessage-deflate, ;\r\n")
            #expect(response.status == 101 && response.header("sec-websocket-extensions") == nil)
            let sid = try Server.sid(in: try await wire.text())
            try await wire.send(try SessionWire.compressed("4x"))
            #expect(try await wire.frame() == SessionWire.Frame(opcode: 8, payload: [0x03, 0xEA]))
            #expect(try await server.closeReason(sid) == "transport error|reserved bits are set")
        }
        try await Server.run(Self.on) { server in
            let wire = try await open(server, offer: "").wire
            let long = "4" + String(repeating: "x", count: 5000)
            try await wire.sendText(long)
            #expect(try await wire.frame() == SessionWire.Frame(opcode: 1, payload: Array(long.utf8)))
            try await wire.send(try SessionWire.compressed("4x"))
            #expect(try await wire.frame() == SessionWire.Frame(opcode: 8, payload: [0x03, 0xEA]))
            let refused = try await server.connect()
            let response = try await refused.upgrade(
                Server.websocket, headers: "Sec-WebSocket-Extensions: permessage-deflate; =\r\n")
            #expect(response.status == 400 && response.body == "Invalid Sec-WebSocket-Extensions header")
            _ = try await refused.receiveEnd()
        }
    }

    @Test(arguments: [
        (1007, "invalid compressed data"), (1009, "message of more than 1000000 bytes (maxHttpBufferSize)"),
        (1007, "invalid UTF-8"),
    ])
    func badMessagesEndTheSession(code: UInt16, detail: String) async throws {
        try await Server.run(Self.on) { server in
            let (wire, sid) = try await open(server)
            let payload =
                switch detail {
                case "invalid UTF-8": try ClientDeflate.pack([0x34, 0xFF])
                case "invalid compressed data": [0xFF, 0xFF] as [UInt8]
                default: try ClientDeflate.pack([UInt8](repeating: 0, count: 1_000_001))
                }
            try await wire.send(SessionWire.frame(payload, isCompressed: true))
            let closing = SessionWire.Frame(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 0xFF)])
            #expect(try await wire.frame() == closing)
            #expect(try await server.closeReason(sid) == "transport error|\(detail)")
            // Others on the loop, and the inflater they share, go on.
            let next = try await open(server).wire
            try await next.send(try SessionWire.compressed("4next"))
            #expect(try await next.text() == "4next")
        }
    }

    /// Fifty bombs of 64 MiB at once; each ends its own connection, and what comes out of one is all there ever is.
    @Test func manyBombsAtOnce() async throws {
        let bomb = SessionWire.frame(
            opcode: 2, try ClientDeflate.pack([UInt8](repeating: 0, count: 64 << 20)), isCompressed: true)
        try await Server.run(loops: 2, Self.on) { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        let wire = try await open(server).wire
                        // The server may close while the rest is still on its way.
                        try? await wire.send(bomb)
                        #expect(try await wire.frame() == SessionWire.Frame(opcode: 8, payload: [0x03, 0xF1]))
                        wire.close()
                    }
                }
                try await group.waitForAll()
            }
            try await eventually("the end of all") { server.engine.clientsCount == 0 }
        }
    }

    @Test(arguments: [1, 2])
    func recipientsOfOneMessageMayDiffer(loops: Int) async throws {
        try await Server.run(loops: loops, Self.on) { server in
            var wires: [(wire: SessionWire, isCompressed: Bool)] = []
            for index in 0..<6 {
                let isCompressed = index % 2 == 0
                let wire = try await open(server, offer: isCompressed ? SessionWire.deflateOffer : "").wire
                wires.append((wire, isCompressed))
            }
            let narrow = try await server.connect()
            let response = try await narrow.upgrade(
                Server.websocket,
                headers: "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n")
            #expect(response.header("sec-websocket-extensions") == Self.answer + "; server_max_window_bits=9")
            let narrowID = try Server.sid(in: try await narrow.text())
            try await eventually("the session") { server.session(narrowID) != nil }
            let http = try await server.connect()
            let polling = try await server.openPolling(http)
            let long = String(repeating: "abcdefgh", count: 4000)
            let attachment = [UInt8](repeating: 3, count: 5000)
            for shard in server.engine.shards {
                shard.run { shard in
                    let messages = [
                        Self.text("first"), Self.text(long), Self.text("no " + long, compress: false),
                        OutboundMessage(
                            head: .message(.text(ByteBuffer(string: "51-[0]"))),
                            attachments: [.binary(ByteBuffer(bytes: attachment)), .binary(ByteBuffer(bytes: [1]))]),
                    ].map { shard.stage($0) }
                    for session in shard.allSessions() {
                        for message in messages { shard.send(message, to: session) }
                    }
                }
            }
            for (wire, isCompressed) in wires + [(narrow, true)] {
                #expect(try await wire.unpacked() == (Array("4first".utf8), false))
                #expect(try await wire.unpacked() == (Array("4\(long)".utf8), isCompressed))
                #expect(try await wire.unpacked() == (Array("4no \(long)".utf8), false))
                #expect(try await wire.unpacked() == (Array("451-[0]".utf8), false))
                #expect(try await wire.unpacked() == (attachment, isCompressed))
                #expect(try await wire.unpacked() == ([1], false))
            }
            let body = try await http.get(Server.target("polling", polling)).body
            #expect(body.hasPrefix("4first\u{1e}4\(long)\u{1e}4no \(long)\u{1e}451-[0]\u{1e}b"))
        }
    }

    @Test func thePingIsNeverCompressed() async throws {
        try await Server.run({
            $0.perMessageDeflate = PerMessageDeflateConfiguration(threshold: 0)
            $0.pingInterval = .milliseconds(50)
        }) { server in
            let (wire, sid) = try await open(server)
            #expect(try await wire.frame() == SessionWire.Frame(opcode: 1, payload: [UInt8(ascii: "2")]))
            try await wire.sendText("3")
            server.session(sid)?.send(Self.text(String(repeating: "y", count: 40)))
            var frame = try await wire.frame()
            while frame.payload == [UInt8(ascii: "2")], !frame.isCompressed { frame = try await wire.frame() }
            #expect(frame.isCompressed)
            #expect(try ClientDeflate.unpack(frame.payload).count == 41)
        }
    }

    /// What waits for a slow client waits in its compressed form, and arrives whole.
    @Test func whatHadToWaitIsCompressedToo() async throws {
        try await Server.run({
            Self.on(&$0)
            $0.maxBufferedBytes = 64 << 20
        }) { server in
            let wire = try await SessionWire.connect(port: server.port, receiveBuffer: 4096)
            #expect(try await wire.upgrade(Server.websocket, headers: SessionWire.deflateOffer).status == 101)
            let sid = try Server.sid(in: try await wire.text())
            try await eventually("the session") { server.session(sid) != nil }
            let session = try #require(server.session(sid))
            try await wire.setReading(false)
            // Noise in base64 shrinks by a quarter only, so that it fills the socket.
            let count = 300
            let texts = (0..<count).map { "\($0) " + Data(noise(30_000)).base64EncodedString() }
            for text in texts {
                session.send(Self.text(text))
                // One tick each, so that the socket fills up and the rest has to wait.
                try await session.eventLoop.submit {}.get()
            }
            try await eventually("the backlog") {
                try await session.inside { session in session.hasBacklog }
            }
            try await wire.setReading(true)
            for text in texts { #expect(try await wire.unpacked() == (Array("4\(text)".utf8), true)) }
        }
    }

    @Test(arguments: [1, 2])
    func upgradesCompressAsWell(loops: Int) async throws {
        try await Server.run(loops: loops, Self.on) { server in
            let (http, socket) = (try await server.connect(), try await server.connect())
            let sid = try await server.openPolling(http)
            let response = try await socket.upgrade(
                Server.target("websocket", sid), headers: SessionWire.deflateOffer)
            #expect(response.header("sec-websocket-extensions") == Self.answer)
            try await socket.send(try SessionWire.compressed("2probe"))
            #expect(try await socket.text() == "3probe")
            try await socket.send(try SessionWire.compressed("5"))
            let long = "4" + String(repeating: "up ", count: 1000)
            try await socket.send(try SessionWire.compressed(long))
            #expect(try await socket.unpacked() == (Array(long.utf8), true))
        }
    }

    @Test func base64IsCompressedForEachClient() async throws {
        try await Server.run(Self.on) { server in
            let (wire, sid) = try await open(server, Server.websocket + "&b64=1")
            let bytes = [UInt8](repeating: 0, count: 3000)
            server.session(sid)?.send(OutboundMessage(head: .message(.binary(ByteBuffer(bytes: bytes)))))
            server.session(sid)?.send(OutboundMessage(head: .message(.binary(ByteBuffer(bytes: [0, 0, 0])))))
            #expect(try await wire.unpacked() == (Array("b\(Data(bytes).base64EncodedString())".utf8), true))
            #expect(try await wire.unpacked() == (Array("bAAAA".utf8), false))
        }
    }
}
