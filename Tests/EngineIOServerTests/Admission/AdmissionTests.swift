// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// Handshakes that are not let in, and what becomes of those who are in already.
@Suite struct AdmissionTests {
    typealias Server = SessionTestServer

    private static func expectRefusal(_ response: SessionWire.Response, _ message: String) {
        #expect(response.status == 503)
        #expect((1...5).contains(Int(response.header("retry-after") ?? "") ?? 0))
        #expect(response.body.trimmingSuffix("\n") == message)
    }

    @Test func overTheLimitOfSessionsHandshakesWait() async throws {
        try await Server.run({ $0.maxSessions = 3 }) { server in
            let inside = try await server.connect()
            let sid = try await server.openPolling(inside)
            let socket = try await server.connect()
            _ = try await server.openWebSocket(socket)
            let last = try await server.connect()
            _ = try await server.openWebSocket(last)
            Self.expectRefusal(try await server.connect().get(Server.polling), "Too many sessions")
            Self.expectRefusal(try await server.connect().upgrade(Server.websocket), "Too many sessions")
            // Those who are in notice nothing: polls, posts, messages, and the upgrade, which is no new session.
            let target = Server.target("polling", sid)
            #expect(try await inside.post(target, "4a").status == 200)
            #expect(try await inside.get(target).body == "4a")
            try await socket.sendText("4b")
            #expect(try await socket.text() == "4b")
            #expect(try await server.connect().upgrade(Server.target("websocket", sid)).status == 101)
            // One goes, one may come.
            last.close()
            try await eventually("a place") { server.engine.clientsCount == 2 }
            #expect(try await server.connect().get(Server.polling).status == 200)
            Self.expectRefusal(try await server.connect().get(Server.polling), "Too many sessions")
        }
    }

    @Test func overTheRateHandshakesWait() async throws {
        // One per second: the second one within it must wait, however slow the machine is.
        try await Server.run({ $0.maxHandshakesPerSecond = 1 }) { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            var refused = 0
            for _ in 0..<20 {
                let response = try await server.connect().get(Server.polling)
                if response.status == 200 { continue }
                refused += 1
                Self.expectRefusal(response, "Too many handshakes")
            }
            #expect(refused > 0)
            #expect(try await wire.post(Server.target("polling", sid), "4a").status == 200)
            #expect(try await wire.get(Server.target("polling", sid)).body == "4a")
            try await eventually("another one") { try await server.connect().get(Server.polling).status == 200 }
        }
    }

    @Test func refusalsCarryTheHeadersOfCORS() async throws {
        try await Server.run {
            $0.maxSessions = 1
            $0.cors = CORSConfiguration(origin: .any)
        } _: { server in
            _ = try await server.openPolling(try await server.connect())
            let response = try await server.connect().get(Server.polling, headers: "Origin: http://a.example\r\n")
            #expect(response.status == 503)
            #expect(response.header("access-control-allow-origin") == "*")
            #expect(response.header("cache-control") == "no-store")
        }
    }

    @Test func drainingRefusesHandshakesAndServesSessions() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            #expect(!server.engine.isDraining)
            server.engine.beginDraining()
            #expect(server.engine.isDraining)
            Self.expectRefusal(try await server.connect().get(Server.polling), "Server is draining")
            Self.expectRefusal(try await server.connect().upgrade(Server.websocket), "Server is draining")
            #expect(try await wire.post(Server.target("polling", sid), "4a").status == 200)
            #expect(try await wire.get(Server.target("polling", sid)).body == "4a")
            let socket = try await server.connect()
            #expect(try await socket.upgrade(Server.target("websocket", sid)).status == 101)
        }
    }

    /// A hook that takes its time must not let anybody in behind the back of the drain.
    @Test func aHandshakeThatWaitsForAHookIsRefusedToo() async throws {
        let (asked, gate) = (AsyncStream<Void>.makeStream(), AsyncStream<Void>.makeStream())
        try await Server.run {
            $0.allowRequest = { _ in
                asked.continuation.yield()
                for await _ in gate.stream { break }
                return .allow
            }
        } _: { server in
            let wire = try await server.connect()
            try await wire.send("GET \(Server.polling) HTTP/1.1\r\nHost: x\r\n\r\n")
            for await _ in asked.stream { break }
            server.engine.beginDraining()
            gate.continuation.yield()
            Self.expectRefusal(try await wire.response(), "Server is draining")
            #expect(server.engine.clientsCount == 0)
        }
    }

    @Test(arguments: [1, 4])
    func theDrainSpreadsTheEndsOfSessions(loops: Int) async throws {
        try await Server.run(loops: loops) { server in
            var wires: [SessionWire] = []
            for _ in 0..<40 {
                let wire = try await server.connect()
                _ = try await server.openWebSocket(wire)
                wires.append(wire)
            }
            let clock = ContinuousClock()
            let start = clock.now
            async let ends = Self.ends(of: wires, clock: clock)
            await server.engine.drain(over: .milliseconds(1_500)) { $0.close() }
            #expect(server.engine.clientsCount == 0)
            let times = try await ends.map { $0 - start }.sorted()
            // Lower bounds hold on any machine: a session is never closed before its turn.
            #expect(times[10] >= .milliseconds(300))
            #expect(times[20] >= .milliseconds(600))
            #expect(times[30] >= .milliseconds(900))
        }
    }

    private static func ends(
        of wires: [SessionWire], clock: ContinuousClock
    ) async throws -> [ContinuousClock.Instant] {
        try await withThrowingTaskGroup(of: ContinuousClock.Instant.self) { group in
            for wire in wires {
                group.addTask {
                    let frame = try await wire.frame(within: .seconds(20))
                    #expect(frame.opcode == 8)
                    return clock.now
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test func anEmptyServerIsDrainedAtOnce() async throws {
        try await Server.run { server in
            let start = ContinuousClock.now
            await server.engine.drain(over: .seconds(60)) { $0.close() }
            #expect(ContinuousClock.now - start < .seconds(30))
        }
    }

    @Test func closingEndsADrain() async throws {
        try await Server.run { server in
            _ = try await server.openWebSocket(try await server.connect())
            let drain = Task { await server.engine.drain(over: .seconds(600)) { $0.close() } }
            try await eventually("the drain") { server.engine.isDraining }
            await server.engine.close()
            await drain.value
        }
    }

    @Test func trafficIsCountedPerShard() async throws {
        try await Server.run(loops: 2) { server in
            for _ in 0..<4 {
                let wire = try await server.connect()
                _ = try await server.openWebSocket(wire)
                try await wire.sendText("4hello")
                #expect(try await wire.text() == "4hello")
            }
            let shards = await server.engine.statistics()
            #expect(shards.map(\.index) == [0, 1])
            #expect(shards.reduce(0) { $0 + $1.sessions } == 4)
            #expect(shards.reduce(0) { $0 + $1.traffic.messagesReceived } == 4)
            #expect(shards.reduce(0) { $0 + $1.traffic.bytesReceived } == 20)
            // The open packet counts with the bytes, not with the messages.
            #expect(shards.reduce(0) { $0 + $1.traffic.messagesSent } == 4)
            #expect(shards.reduce(0) { $0 + $1.traffic.bytesSent } > 4 * 100)
            #expect(shards.allSatisfy { $0.queuedBytes == 0 })
        }
    }

    @Test func theLagOfTheLoopsIsMeasured() async throws {
        try await Server.run(loops: 2) { server in
            server.engine.measureLag(every: .milliseconds(5))
            try await eventually("measurements") {
                await server.engine.statistics().allSatisfy { $0.lag.counts.reduce(0, +) >= 3 }
            }
        }
    }

    @Test func lagFallsIntoItsBucket() {
        var lag = LoopLag()
        for time in [TimeAmount.milliseconds(-1), .microseconds(1_000), .microseconds(1_001), .seconds(6)] {
            lag.record(time)
        }
        #expect(lag.counts == [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(abs(lag.sum - 6.002001) < 1e-9)
    }

    @Test(arguments: [(0, nil), (nil, 0), (nil, 1_000_001), (-1, 5)] as [(Int?, Int?)])
    func limitsThatCannotWork(sessions: Int?, rate: Int?) {
        var configuration = EngineConfiguration()
        configuration.maxSessions = sessions
        configuration.maxHandshakesPerSecond = rate
        #expect(throws: EngineConfigurationError.self) { try configuration.validate() }
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}
