// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// How input that waits ends: with the stream, with the session, and with a heartbeat that is not answered.
@Suite struct InputEndTests {
    typealias Server = SessionTestServer

    /// A client that sends much and goes: NIO reads all of it in one go, and it is looked at slice by slice.
    @Test(arguments: [1, 2])
    func whatWasSentBeforeTheEndIsDelivered(loops: Int) async throws {
        let probe = InputProbe(cost: .microseconds(20))
        try await Server.run(loops: loops, { _ in }, onMessage: probe.onMessage) { server in
            let wire = try await server.connect()
            let sid = try await server.openWebSocket(wire)
            let sent = (0..<10_000).map { "\($0)" }
            try await wire.send(sent.flatMap { SessionWire.text("4" + $0) })
            wire.close()
            #expect(try await server.closeReason(sid).hasPrefix("transport"))
            #expect(probe.texts == sent)
        }
    }

    @Test func whatIsOverTheRateAtTheEndIsDropped() async throws {
        let probe = InputProbe()
        try await Server.run(loops: 1, { _ in }, onMessage: probe.onMessage) { server in
            for count in [1, 1_000, 5_000] {
                let wire = try await server.connect()
                let sid = try await server.openWebSocket(wire)
                let before = probe.count
                try await wire.sendText("4hold 60000")
                _ = try await probe.waitFor(before + 1)
                let sent = (0..<count).flatMap { SessionWire.text("4\($0)") }
                wire.channel.writeAndFlush(ByteBuffer(bytes: sent)).whenComplete { _ in wire.close() }
                #expect(try await server.closeReason(sid).hasPrefix("transport"))
                #expect(probe.count == before + 1)
            }
        }
    }

    @Test func aResetEndsAPauseAtOnce() async throws {
        let probe = InputProbe()
        try await Server.run(loops: 1, { _ in }, onMessage: probe.onMessage) { server in
            let wire = try await server.connect()
            let sid = try await server.openWebSocket(wire)
            try await wire.send(["4hold 60000", "4never"].flatMap(SessionWire.text))
            _ = try await probe.waitFor(1)
            let options = try #require(wire.channel as? any SocketOptionProvider)
            try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
            wire.close()
            #expect(try await server.closeReason(sid).hasPrefix("transport"))
            #expect(probe.texts == ["hold 60000"])
        }
    }

    // MARK: Heartbeat

    @Test func theTimeForAPongBeginsWhenThePauseEnds() {
        let (start, timeout) = (NIODeadline.uptimeNanoseconds(1_000_000), TimeAmount.nanoseconds(500))
        func deadline(_ heldUntil: Int64, now: Int64) -> Int64? {
            PongGrace.deadline(
                now: start + .nanoseconds(now), heldUntil: start + .nanoseconds(heldUntil), pingTimeout: timeout
            ).map { ($0 - start).nanoseconds }
        }
        #expect(deadline(1_000, now: 700) == 1_500)
        #expect(deadline(600, now: 700) == 1_100)
        #expect(deadline(201, now: 700) == 701)
        #expect(deadline(200, now: 700) == nil)
        #expect(PongGrace.deadline(now: start, heldUntil: .distantPast, pingTimeout: timeout) == nil)
    }

    /// The pong lies behind a pause that is longer than the time for it.
    @Test(arguments: [true, false])
    func aPongThatWaitsIsNotMissed(isPolling: Bool) async throws {
        let probe = InputProbe()
        try await Server.run(
            loops: 1,
            {
                $0.pingInterval = .milliseconds(200)
                $0.pingTimeout = .milliseconds(300)
                $0.keepAliveTimeout = .seconds(60)
            }, onMessage: probe.onMessage
        ) { server in
            let wire = try await server.connect()
            let sid: String
            if isPolling {
                sid = try await server.openPolling(wire)
                #expect(try await wire.get(Server.target("polling", sid)).body == "2")
                #expect(
                    try await wire.post(Server.target("polling", sid), "4hold 1500\u{1e}3\u{1e}4after").body == "ok")
            } else {
                sid = try await server.openWebSocket(wire)
                #expect(try await wire.text() == "2")
                try await wire.send(["4hold 1500", "3", "4after"].flatMap(SessionWire.text))
            }
            #expect(try await probe.waitFor(2) == ["hold 1500", "after"])
            #expect(server.log.closeReason(sid) == nil)
            // The next ping comes, and without a pong the session ends as ever.
            if isPolling {
                #expect(try await wire.get(Server.target("polling", sid)).body == "2")
            } else {
                #expect(try await wire.text() == "2")
            }
            #expect(try await server.closeReason(sid) == "ping timeout|")
        }
    }

    @Test func whoFallsSilentInAPauseIsEndedAfterIt() async throws {
        let probe = InputProbe()
        try await Server.run(
            loops: 1,
            {
                $0.pingInterval = .milliseconds(500)
                $0.pingTimeout = .milliseconds(500)
            }, onMessage: probe.onMessage
        ) { server in
            let wire = try await server.connect()
            let sid = try await server.openWebSocket(wire)
            try await wire.sendText("4hold 1500")
            #expect(try await server.closeReason(sid) == "ping timeout|")
            #expect(NIODeadline.now() >= (try #require(probe.heldUntil)) + .milliseconds(500))
        }
    }
}
