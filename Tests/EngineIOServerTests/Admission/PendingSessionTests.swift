// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import NIOHTTP1
internal import Testing

@testable internal import EngineIOServer

/// Sessions that nobody has begun to use: so many, with so much kept of them, and the oldest goes first.
@Suite struct PendingSessionTests {
    typealias Server = SessionTestServer

    /// Sessions are in use from their first message on.
    private static let echo: @Sendable (SessionCore, EngineMessage) -> Void = { session, message in
        session.markEstablished()
        session.send(OutboundMessage(head: .message(message)))
    }

    private static func ended(_ limit: String) -> String {
        "\(CloseReason.forcedClose.rawValue)|one of too many that nobody used (\(limit))"
    }

    @Test func theOldestGoesFirst() async throws {
        try await Server.run({ $0.maxPendingSessions = 3 }, onMessage: Self.echo) { server in
            var sids: [String] = []
            for _ in 0..<3 { sids.append(try await server.openPolling(try await server.connect())) }
            #expect(server.engine.clientsCount == 3 && server.engine.pendingCount == 3)
            #expect(sids.allSatisfy { server.log.closeReason($0) == nil })
            sids.append(try await server.openPolling(try await server.connect()))
            #expect(try await server.closeReason(sids[0]) == Self.ended("maxPendingSessions"))
            sids.append(try await server.openPolling(try await server.connect()))
            #expect(try await server.closeReason(sids[1]) == Self.ended("maxPendingSessions"))
            #expect(server.engine.clientsCount == 3 && server.engine.pendingCount == 3)
            #expect(sids[2...].allSatisfy { server.log.closeReason($0) == nil })
            // For its client it is unknown; the others work.
            #expect(try await server.connect().get(Server.target("polling", sids[0])).status == 400)
            #expect(try await server.connect().post(Server.target("polling", sids[4]), "4a").status == 200)
        }
    }

    @Test func whoIsInUseStays() async throws {
        try await Server.run({ $0.maxPendingSessions = 2 }, onMessage: Self.echo) { server in
            let loyal = try await server.connect()
            let sid = try await server.openWebSocket(loyal)
            try await loyal.sendText("4a")
            #expect(try await loyal.text() == "4a")
            #expect(server.engine.pendingCount == 0)
            for _ in 0..<20 { _ = try await server.openPolling(try await server.connect()) }
            #expect(server.engine.clientsCount == 3 && server.engine.pendingCount == 2)
            #expect(server.log.closeReason(sid) == nil)
            try await loyal.sendText("4b")
            #expect(try await loyal.text() == "4b")
            // It ends, and counts no more where it did not count before.
            loyal.close()
            try await eventually("the end") { server.engine.clientsCount == 2 }
            #expect(server.engine.pendingCount == 2)
        }
    }

    @Test func aClientThatWaitsIsTold() async throws {
        try await Server.run({ $0.maxPendingSessions = 1 }) { server in
            let (wire, sid, session) = try await server.pollingClient()
            async let poll = wire.get(Server.target("polling", sid))
            try await eventually("the poll is held") {
                try await session.inside { session in session.isWritable }
            }
            let socket = try await server.connect()
            _ = try await server.openWebSocket(socket)
            #expect(try await poll.body == "1")
            _ = try await server.openPolling(try await server.connect())
            #expect(try await socket.frame().opcode == 8)
        }
    }

    @Test func whatIsKeptOfThemIsBounded() async throws {
        let cookie = "Cookie: \(String(repeating: "c", count: 10_000))\r\n"
        try await Server.run({ $0.maxPendingBytes = 50_000 }) { server in
            var sids: [String] = []
            for _ in 0..<10 {
                let answer = try await server.connect().get(Server.polling, headers: cookie)
                sids.append(try Server.sid(in: answer.body))
            }
            try await eventually("room for four") { server.engine.clientsCount == 4 }
            #expect(try await server.closeReason(sids[0]) == Self.ended("maxPendingBytes"))
            #expect(sids.suffix(4).allSatisfy { server.log.closeReason($0) == nil })
            #expect(server.engine.context.pending.byteCount <= 50_000)
            // One alone may be larger than all together: whom would it make room for?
            var wanted = EngineConfiguration()
            wanted.maxPendingBytes = 5_000
            server.engine.reload(wanted)
            let answer = try await server.connect().get(Server.polling, headers: cookie)
            try await eventually("only the last one") { server.engine.clientsCount == 1 }
            #expect(server.log.closeReason(try Server.sid(in: answer.body)) == nil)
        }
    }

    /// Each loop ends its own; none has more than the limit and itself.
    @Test func severalLoopsKeepTheLimitTogether() async throws {
        try await Server.run(loops: 2, { $0.maxPendingSessions = 10 }) { server in
            for _ in 0..<60 { _ = try await server.openPolling(try await server.connect()) }
            try await eventually("the limit") { server.engine.clientsCount <= 12 }
            #expect(server.engine.clientsCount >= 10)
            #expect(server.engine.pendingCount == server.engine.clientsCount)
        }
    }

    @Test func theListEndsAsItBegan() async throws {
        try await Server.run { server in
            var wires: [SessionWire] = []
            for _ in 0..<20 {
                let wire = try await server.connect()
                _ = try await server.openWebSocket(wire)
                wires.append(wire)
            }
            #expect(server.engine.pendingCount == 20)
            for index in [0, 19, 7, 8, 1, 18] { wires[index].close() }
            try await eventually("some ends") { server.engine.pendingCount == 14 }
            for wire in wires { wire.close() }
            try await eventually("all ends") { server.engine.pendingCount == 0 }
            #expect(server.engine.context.pending.byteCount == 0)
            let shard = server.engine.shards[0]
            let count = try await shard.inside { shard in shard.pending.count }
            #expect(count == 0)
        }
    }

    @Test func onlyTheNamedHeadersAreKept() async throws {
        let seen = AsyncStream<HandshakeInfo>.makeStream()
        try await Server.run {
            $0.keptHeaders = .only(["user-AGENT", "X-Wanted"])
            $0.allowRequest = { info in
                seen.continuation.yield(info)
                return .allow
            }
        } _: { server in
            let cookie = String(repeating: "c", count: 5_000)
            let headers = "User-Agent: test\r\nCookie: \(cookie)\r\nx-wanted: 1\r\nX-Wanted: 2\r\n"
            let answer = try await server.connect().get(Server.polling, headers: headers)
            let sid = try Server.sid(in: answer.body)
            let session = try await eventually("the session") { server.session(sid) }
            #expect(session.handshake.headers.map(\.name) == ["User-Agent", "x-wanted", "X-Wanted"])
            #expect(session.handshake.headers["X-Wanted"] == ["1", "2"])
            #expect(session.handshake.url == Server.polling)
            #expect(session.handshake.remoteAddress == "127.0.0.1")
            #expect(session.handshake.keptBytes < 200)
            // Who decides about the handshake sees all of it.
            var asked = seen.stream.makeAsyncIterator()
            #expect(try #require(await asked.next()).headers.first(name: "Cookie")?.utf8.count == 5_000)
        }
    }
}
