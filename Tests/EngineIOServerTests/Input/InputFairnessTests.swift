// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// What one client has sent is looked at in slices: the others of its loop have their turns in between.
@Suite struct InputFairnessTests {
    typealias Server = SessionTestServer

    @Test func aSliceIsSomeMessagesThenSomeTime() {
        var slice = InputSlice()
        let start = NIODeadline.uptimeNanoseconds(1)
        var looks = 0
        func isOver(_ slice: inout InputSlice, _ time: TimeAmount) -> Bool {
            slice.isOver(
                now: {
                    looks += 1
                    return start + time
                }())
        }
        for _ in 0..<InputSlice.untimed { #expect(!isOver(&slice, .hours(1))) }
        #expect(looks == 1)
        // The first look is the start, whatever came before.
        let end = TimeAmount.hours(1) + InputSlice.budget
        for _ in 0..<InputSlice.step { #expect(!isOver(&slice, end - .nanoseconds(1))) }
        #expect(looks == 2)
        for _ in 1..<InputSlice.step { #expect(!isOver(&slice, end)) }
        #expect(isOver(&slice, end))
        #expect(looks == 3)
    }

    /// A client floods. The loop is in the middle of that when another one's message arrives.
    private static let blocking = "20"
    /// How much of the flood may come before it: some slices, each of half a millisecond at 20 microseconds a message.
    private static let most = 300

    private static func check(
        _ probe: InputProbe, _ count: Int, _ other: SessionWire, flood: () async throws -> Void
    ) async throws {
        try await flood()
        _ = try await probe.waitFor(21)
        try await other.sendText("4other")
        probe.letGo()
        let index = try await eventually("the message of the other", within: 30) { probe.index(of: "other") }
        #expect(index - 21 < most)
        // And the flood goes on to its end.
        _ = try await probe.waitFor(count + 1)
        #expect(probe.texts.filter { $0 != "other" } == (0..<count).map { "\($0)" })
    }

    @Test(arguments: [false, true])
    func aFloodOnAWebSocketLetsOthersIn(tls: Bool) async throws {
        // One read has all of it.
        let count = 2_500
        let probe = InputProbe(cost: .microseconds(20), blocking: Self.blocking)
        let settings = tls ? try SessionTLSTests.serverTLS() : nil
        try await Server.run(loops: 1, { $0.tls = settings }, onMessage: probe.onMessage) { server in
            func connect() async throws -> SessionWire {
                tls ? try await SessionTLSTests.connect(port: server.port) : try await server.connect()
            }
            let (other, wire) = (try await connect(), try await connect())
            _ = try await server.openWebSocket(other)
            _ = try await server.openWebSocket(wire)
            try await Self.check(probe, count, other) {
                try await wire.send((0..<count).flatMap { SessionWire.text("4\($0)") })
            }
        }
    }

    @Test func aFloodInOnePostLetsOthersIn() async throws {
        let count = 1_000
        let probe = InputProbe(cost: .microseconds(20), blocking: Self.blocking)
        try await Server.run(loops: 1, { _ in }, onMessage: probe.onMessage) { server in
            let (other, wire) = (try await server.connect(), try await server.connect())
            _ = try await server.openWebSocket(other)
            let sid = try await server.openPolling(wire)
            try await Self.check(probe, count, other) {
                try await wire.sendPost(
                    Server.target("polling", sid), (0..<count).map { "4\($0)" }.joined(separator: "\u{1e}"))
            }
            #expect(try await wire.response().body == "ok")
        }
    }

    /// The connection lives on another loop than its session, which has the other client as well.
    @Test func aFloodFromAnotherLoopLetsOthersIn() async throws {
        let probe = InputProbe(cost: .microseconds(20), blocking: Self.blocking)
        let tls = try SessionTLSTests.serverTLS()
        try await Server.run(loops: 2, { $0.tls = tls }, onMessage: probe.onMessage) { server in
            // Until a session and its WebSocket are on different loops, and another client on the session's.
            for _ in 0..<60 {
                let http = try await SessionTLSTests.connect(port: server.port)
                let sid = try await server.openPolling(http)
                let socket = try await SessionTLSTests.connect(port: server.port)
                _ = try await socket.upgrade(Server.target("websocket", sid))
                try await socket.send(SessionWire.text("2probe") + SessionWire.text("5"))
                _ = try await socket.text()
                let session = try #require(server.session(sid))
                try await eventually("the upgrade") {
                    try await session.inside { session in session.activeTransport is WebSocketTransport }
                }
                let isLocal = try await session.inside { session in
                    (session.activeTransport as? WebSocketTransport)?.isLocal
                }
                let other = try await SessionTLSTests.connect(port: server.port)
                let otherID = try await server.openWebSocket(other)
                // The other's connection is on that loop as well: on the first one it would wait for the parsing of the flood.
                let otherSession = try #require(server.session(otherID))
                let isOtherLocal = try await otherSession.inside { session in
                    (session.activeTransport as? WebSocketTransport)?.isLocal
                }
                guard isLocal == false, isOtherLocal == true, otherSession.eventLoop === session.eventLoop else {
                    continue
                }
                return try await Self.check(probe, 2_500, other) {
                    try await socket.send((0..<2_500).flatMap { SessionWire.text("4\($0)") })
                }
            }
            Issue.record("no WebSocket came to another loop than its session's")
        }
    }
}
