// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// A session that holds its input for a while: nothing is looked at before, nothing is lost, and the order stays.
@Suite struct InputHoldTests {
    typealias Server = SessionTestServer

    enum Way: String, CaseIterable, Sendable {
        case webSocket, upgraded, polling, tls, tlsUpgraded
    }

    private static func wire(_ way: Way, _ server: Server) async throws -> SessionWire {
        switch way {
        case .tls, .tlsUpgraded: try await SessionTLSTests.connect(port: server.port)
        default: try await server.connect()
        }
    }

    /// A client, and how it sends messages: in one write, or as one payload.
    private static func open(
        _ way: Way, _ server: Server
    ) async throws -> (wire: SessionWire, sid: String, send: ([String]) async throws -> Void) {
        let wire = try await wire(way, server)
        switch way {
        case .webSocket, .tls:
            let sid = try await server.openWebSocket(wire)
            return (wire, sid, { try await wire.send($0.flatMap { SessionWire.text("4" + $0) }) })
        case .polling:
            let sid = try await server.openPolling(wire)
            return (
                wire, sid,
                { messages in
                    try await wire.sendPost(
                        Server.target("polling", sid), messages.map { "4" + $0 }.joined(separator: "\u{1e}"))
                }
            )
        case .upgraded, .tlsUpgraded:
            let sid = try await server.openPolling(wire)
            let socket = try await Self.wire(way, server)
            _ = try await socket.upgrade(Server.target("websocket", sid))
            try await socket.sendText("2probe")
            _ = try await socket.text()
            try await socket.sendText("5")
            wire.close()
            return (socket, sid, { try await socket.send($0.flatMap { SessionWire.text("4" + $0) }) })
        }
    }

    private static func run(
        _ way: Way, loops: Int = 2, probe: InputProbe, _ change: (inout EngineConfiguration) -> Void = { _ in },
        _ body: (Server) async throws -> Void
    ) async throws {
        let tls = way == .tls || way == .tlsUpgraded ? try SessionTLSTests.serverTLS() : nil
        try await Server.run(
            loops: loops,
            {
                $0.tls = tls
                $0.keepAliveTimeout = .seconds(60)
                change(&$0)
            }, onMessage: probe.onMessage, body)
    }

    @Test(arguments: Way.allCases)
    func whatComesInAPauseWaits(way: Way) async throws {
        // Several times, since TLS may or may not stay on the loop it came to.
        for _ in 0..<(way == .tls || way == .tlsUpgraded ? 3 : 1) {
            let probe = InputProbe()
            try await Self.run(way, probe: probe) { server in
                let client = try await Self.open(way, server)
                try await client.send(["a", "hold 300", "b", "c"])
                if way == .polling {
                    #expect(try await client.wire.response().body == "ok")
                    #expect(probe.texts == ["a", "hold 300", "b", "c"])
                } else {
                    try await client.send(["d"])
                    #expect(try await probe.waitFor(5) == ["a", "hold 300", "b", "c", "d"])
                }
                let (b, end) = (try #require(probe.time(of: "b")), try #require(probe.heldUntil))
                #expect(b >= end)
                #expect(server.log.closeReason(client.sid) == nil)
                client.wire.close()
            }
        }
    }

    @Test(arguments: Way.allCases)
    func thousandsOfMessagesKeepTheirOrder(way: Way) async throws {
        let probe = InputProbe()
        try await Self.run(way, probe: probe) { server in
            let client = try await Self.open(way, server)
            var sent: [String] = []
            for round in 0..<4 {
                // Pauses of no, one and some milliseconds, and parts of frames.
                let messages = ["hold \(round * 7)"] + (0..<900).map { "\(round)-\($0)" }
                sent += messages
                try await client.send(messages)
                if way == .polling { #expect(try await client.wire.response().body == "ok") }
            }
            #expect(try await probe.waitFor(sent.count) == sent)
            client.wire.close()
        }
    }

    /// A pause that begins with the last message, or out of nothing, concerns the next one.
    @Test(arguments: Way.allCases)
    func aPauseAfterTheLastMessage(way: Way) async throws {
        let probe = InputProbe()
        try await Self.run(way, probe: probe) { server in
            let client = try await Self.open(way, server)
            try await client.send(["hold 200"])
            if way == .polling { #expect(try await client.wire.response().body == "ok") }
            try await client.send(["next"])
            if way == .polling { #expect(try await client.wire.response().body == "ok") }
            #expect(try await probe.waitFor(2) == ["hold 200", "next"])
            #expect(try #require(probe.time(of: "next")) >= #require(probe.heldUntil))
            let session = try #require(server.session(client.sid))
            let until = NIODeadline.now() + .milliseconds(200)
            try await session.inside { session in session.holdInput(until: until) }
            try await client.send(["last"])
            _ = try await probe.waitFor(3)
            // What was on its way to the loop when the pause began may have been read.
            #expect(try #require(probe.time(of: "last")) >= until)
            client.wire.close()
        }
    }

    /// What the client goes on sending stays in the kernel.
    @Test(arguments: [Way.webSocket, .upgraded, .tls, .tlsUpgraded])
    func aPausedConnectionIsNotRead(way: Way) async throws {
        let probe = InputProbe()
        try await Self.run(way, probe: probe) { server in
            let client = try await Self.open(way, server)
            try await client.send(["hold 60000"])
            _ = try await probe.waitFor(1)
            let session = try #require(server.session(client.sid))
            let large = String(repeating: "x", count: 100_000)
            let isWritten = NIOLockedValueBox(false)
            var bytes = ByteBuffer()
            let frame = SessionWire.text("4" + large)
            for _ in 0..<300 { bytes.writeBytes(frame) }
            client.wire.channel.writeAndFlush(bytes).whenSuccess { isWritten.withLockedValue { $0 = true } }
            // 30 MB fit into no socket's buffers: the write would end only if somebody read.
            let held = try await session.inside { session -> Int in
                guard let transport = session.activeTransport as? WebSocketTransport else { return -1 }
                return (transport.held?.bytes.readableBytes ?? 0) + (transport.held?.events.count ?? 0)
            }
            #expect((0...HeldInput.pausedLimit).contains(held))
            #expect(probe.count == 1)
            #expect(!isWritten.withLockedValue { $0 })
            session.close(discard: true)
            _ = try await server.closeReason(client.sid)
        }
    }

    @Test(arguments: Way.allCases)
    func theServerMayCloseInAPause(way: Way) async throws {
        let probe = InputProbe()
        try await Self.run(way, probe: probe) { server in
            let client = try await Self.open(way, server)
            try await client.send(["hold 60000", "never"])
            _ = try await probe.waitFor(1)
            let session = try #require(server.session(client.sid))
            session.close(discard: true)
            #expect(try await server.closeReason(client.sid) == "forced close|")
            if way == .polling {
                #expect(try await client.wire.response().body == "ok")
            } else {
                #expect(try await client.wire.frame().opcode == 8)
                // The answer to our close frame lies behind what waited, and is found there.
                try await client.wire.send(SessionWire.frame(opcode: 8, []))
                _ = try await client.wire.receiveEnd()
            }
            #expect(probe.texts == ["hold 60000"])
        }
    }

    @Test(arguments: [1, 2])
    func anUpgradeInAPauseKeepsTheOrder(loops: Int) async throws {
        let probe = InputProbe()
        try await Self.run(.polling, loops: loops, probe: probe) { server in
            let http = try await server.connect()
            let sid = try await server.openPolling(http)
            let socket = try await server.connect()
            _ = try await socket.upgrade(Server.target("websocket", sid))
            try await socket.sendText("2probe")
            #expect(try await socket.text() == "3probe")
            // The POST is not answered before the pause is over, and the client does not wait for that.
            try await http.sendPost(Server.target("polling", sid), "4hold 400\u{1e}4b\u{1e}4c")
            _ = try await probe.waitFor(1)
            try await socket.send(SessionWire.text("5") + SessionWire.text("4d"))
            #expect(try await probe.waitFor(4) == ["hold 400", "b", "c", "d"])
            #expect(try await http.response().body == "ok")
            // What was posted moves along at once, the rest waits for the end of the pause.
            #expect(try #require(probe.time(of: "d")) >= #require(probe.heldUntil))
        }
    }

    @Test func aPostMayBeAbandonedInAPause() async throws {
        let probe = InputProbe()
        try await Self.run(.polling, probe: probe) { server in
            let http = try await server.connect()
            let sid = try await server.openPolling(http)
            try await http.sendPost(Server.target("polling", sid), "4hold 100\u{1e}4b")
            _ = try await probe.waitFor(1)
            http.close()
            #expect(try await probe.waitFor(2) == ["hold 100", "b"])
            let again = try await server.connect()
            #expect(try await again.post(Server.target("polling", sid), "4c").body == "ok")
            #expect(probe.texts == ["hold 100", "b", "c"])
        }
    }

    @Test func aBadPacketBehindAPauseIsFound() async throws {
        let probe = InputProbe()
        try await Self.run(.polling, probe: probe) { server in
            let http = try await server.connect()
            let sid = try await server.openPolling(http)
            #expect(try await http.post(Server.target("polling", sid), "4hold 50\u{1e}4b\u{1e}9").status == 400)
            #expect(try await server.closeReason(sid).hasPrefix("parse error"))
            #expect(probe.texts == ["hold 50", "b"])
        }
    }
}
