// Part of socketio-server, MIT licence; see LICENSE.

import LoopConfinement
import MetricTesting
import NIOCore
import NIOEmbedded
import Testing

@testable import EngineIOServer
@testable import SocketIOServer

/// Input that arrives although the connection is not read has its bounds, from both sides.
@Suite("Input that nobody asked for")
struct UnaskedInputTests {
    private func withClient(
        loopLimit: Int = 64 << 20,
        _ body: (ManualServer, ManualConnection, SessionCore, CountedMetrics) throws -> Void
    ) throws {
        try CountedMetrics.counting { metrics in
            let server = try ManualServer {
                $0.engine.pingInterval = .seconds(3_600)
                $0.engine.maxUnhandledInputBytes = loopLimit
                $0.connectTimeout = .seconds(3_600)
            }
            let (client, socket) = try server.join()
            let loop = server.loop.assumeIsolated()
            try body(server, client, socket.conn.core.value(on: loop), metrics)
        }
    }

    @Test("a session that is paused keeps 256 KiB, and not a byte more")
    func paused() throws {
        try withClient { server, client, session, metrics in
            session.holdInput(until: server.now + .seconds(10))
            let most = 256 * 1024
            try client.send([UInt8](repeating: 0, count: most - 1))
            try client.send([0])
            #expect(server.sessionCount == 1)
            #expect(metrics["engineio_input_dropped_bytes_total"] == 0)
            try client.send([0])
            #expect(server.sessionCount == 0)
            #expect(metrics["engineio_input_dropped_bytes_total"] == Double(most))
            #expect(!client.isOpen)
            // Room is given back.
            #expect(session.shard.turns.reserve(64 << 20))
        }
    }

    @Test("it is handled in order when the pause ends")
    func kept() throws {
        try withClient { server, client, session, metrics in
            let numbers = Recorder<Int>()
            let socket = try #require(server.sockets.first)
            socket.on("n") { (number: Int) in numbers.append(number) }
            session.holdInput(until: server.now + .seconds(10))
            for number in 0..<100 { try client.send(text: "42[\"n\",\(number)]") }
            server.advance(.seconds(10) - .nanoseconds(1))
            #expect(numbers.all.isEmpty)
            // In as many turns as the machine needs: a slice ends by the real clock.
            for _ in 0..<100 where numbers.all.count < 100 { server.advance(.nanoseconds(1) + InputTurns.pause) }
            #expect(numbers.all == Array(0..<100))
            #expect(metrics["engineio_input_dropped_bytes_total"] == 0)
            client.close()
        }
    }

    @Test("a session whose input is one byte over the limit of its event loop ends, and is counted")
    func overTheLimit() throws {
        let limit = 65_536
        try withClient(loopLimit: limit) { server, client, session, metrics in
            func refusals() -> Double? {
                metrics["engineio_limit_refusals_total", [("limit", "maxUnhandledInputBytes")]]
            }
            session.holdInput(until: server.now + .seconds(10))
            try client.send([UInt8](repeating: 0, count: limit - 1))
            try client.send([0])
            #expect(server.sessionCount == 1)
            #expect(refusals() == 0)
            try client.send([0])
            #expect(server.sessionCount == 0)
            #expect(refusals() == 1)
            #expect(metrics["engineio_input_dropped_bytes_total"] == Double(limit))
            #expect(session.shard.turns.reserve(limit))
        }
    }

    @Test("all clients of an event loop together keep as much as the limit says")
    func together() {
        let loop = EmbeddedEventLoop()
        let most = 64 * 1024 * 1024
        let turns = InputTurns(eventLoop: loop, unaskedLimit: most)
        #expect(!turns.reserve(most + 1))
        #expect(turns.reserve(most - 1))
        #expect(!turns.reserve(2))
        #expect(turns.reserve(1))
        #expect(!turns.reserve(1))
        turns.release(10)
        #expect(!turns.reserve(11))
        #expect(turns.reserve(10))
    }
}
