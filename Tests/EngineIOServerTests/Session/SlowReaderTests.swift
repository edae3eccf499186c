// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
internal import LoopConfinement
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// Clients that read slowly or not at all: what they keep, when they are given up, and what that costs.
@Suite struct SlowReaderTests {
    typealias Server = SessionTestServer

    static func text(_ text: String) -> OutboundMessage {
        OutboundMessage(head: .message(.text(ByteBuffer(string: text))))
    }

    static func filler(_ count: Int) -> String { String(repeating: "x", count: count) }

    /// Fetches until so many packets have come.
    static func poll(_ wire: SessionWire, _ sid: String, packets count: Int) async throws -> [Substring] {
        var packets: [Substring] = []
        while packets.count < count {
            packets += try await wire.get(Server.target("polling", sid)).body.split(separator: "\u{1e}")
        }
        return packets
    }

    // MARK: Bursts

    /// The default bounds; between two polls, and in one tick or in many.
    @Test(arguments: [true, false]) func aPollingClientGetsABurst(inOneTick: Bool) async throws {
        try await Server.run({ $0.keepAliveTimeout = .seconds(60) }) { server in
            let (wire, sid, session) = try await server.pollingClient()
            let filler = Self.filler(1000)
            if inOneTick {
                try await session.inside { session in
                    for number in 0..<3000 { session.send(Self.text("\(number) \(filler)")) }
                }
            } else {
                for number in 0..<3000 {
                    try await session.inside { session in session.send(Self.text("\(number) \(filler)")) }
                }
            }
            let packets = try await Self.poll(wire, sid, packets: 3000)
            #expect(packets == (0..<3000).map { "4\($0) \(filler)" })
            #expect(server.log.closeReason(sid) == nil)
        }
    }

    /// More than is kept for the end of a tick is delivered before, and in order.
    @Test func aLongTickKeepsTheOrder() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            let first = try #require(server.session(try await server.openWebSocket(wire)))
            let other = try await server.connect()
            let second = try #require(server.session(try await server.openWebSocket(other)))
            let filler = Self.filler(2000)
            try await first.inside { first in
                let (shard, second) = (first.shard, second.core.value(beside: first))
                for number in 0..<3000 {
                    switch number % 3 {
                    case 0:
                        for session in [first, second] { session.send(Self.text("\(number) \(filler)")) }
                    case 1:
                        for session in [first, second] {
                            session.send(textUpTo: 3000) { output in
                                let text = Array("4\(number) \(filler)".utf8)
                                output.copyBytes(from: text)
                                return text.count
                            }
                        }
                    default:
                        shard.relieve()
                        let staged = shard.stage(Self.text("\(number) \(filler)"))
                        for session in [first, second] { shard.send(staged, to: session) }
                    }
                }
            }
            for reader in [wire, other] {
                for number in 0..<3000 { #expect(try await reader.text() == "4\(number) \(filler)") }
            }
        }
    }

    /// A burst in one tick costs what its recipient may leave over, not its size.
    @Test func aLongTickIsNotKept() async throws {
        try await Server.run({ $0.maxBufferedBytes = 4 << 20 }) { server in
            let (_, sid, session) = try await server.pollingClient()
            let filler = Self.filler(100_000)
            let budget = server.engine.context.budget
            let largest = try await session.inside { session -> Int in
                var largest = 0
                for _ in 0..<500 {
                    session.send(Self.text(filler))
                    largest = max(largest, budget.usedBytes)
                }
                return largest
            }
            #expect(largest > 1 << 20 && largest <= (4 << 20) + (2 << 20))
            #expect(
                try await server.closeReason(sid) == "transport error|slow client: more than maxBufferedBytes waited")
            try await eventually("everything let go of") { budget.usedBytes == 0 }
        }
    }

    // MARK: Progress

    /// Above the soft bound for many time-outs, but always reading.
    @Test func aSteadyReaderIsKept() async throws {
        try await Server.run({
            $0.slowClientBytes = 64 * 1024
            $0.slowClientTimeout = .milliseconds(500)
        }) { server in
            let reader = try RawReader(port: server.port, receiveBuffer: 4096)
            let session = try await eventually("the session") { server.log.sessions.first }
            let filler = Self.filler(10_000)
            for number in 1000..<1800 { session.send(Self.text("\(number)\(filler)")) }
            try await eventually("more than the soft bound") {
                try await session.inside { session in session.waitingBytes > 64 * 1024 }
            }
            let start = ContinuousClock.now
            reader.read(atATime: 16 * 1024, pause: 10_000)
            try await eventually("all of it", within: 60) {
                reader.receivedCount > 800 * 10_005 || server.log.closeReason(session.id) != nil
            }
            #expect(server.log.closeReason(session.id) == nil)
            // Or the time-out had no chance.
            #expect(ContinuousClock.now - start > .milliseconds(1500))
            reader.close()
        }
    }

    /// One that takes nothing is given up after the time-out; one for which little waits is not.
    @Test(arguments: [1, 2]) func standingStillAboveTheSoftBoundEndsTheSession(loops: Int) async throws {
        try await Server.run(
            loops: loops,
            {
                $0.slowClientBytes = 64 * 1024
                $0.slowClientTimeout = .milliseconds(300)
            }
        ) { server in
            let patient = try await server.connect()
            let patientSid = try await server.openPolling(patient)
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            let start = ContinuousClock.now
            try #require(server.session(patientSid)).send(Self.text(Self.filler(50_000)))
            let session = try #require(server.session(sid))
            for _ in 0..<3 { session.send(Self.text(Self.filler(50_000))) }
            #expect(
                try await server.closeReason(sid) == "transport error|slow client: no progress within slowClientTimeout"
            )
            #expect(ContinuousClock.now - start >= .milliseconds(300))
            #expect(server.log.closeReason(patientSid) == nil)
            #expect(try await Self.poll(patient, patientSid, packets: 1)[0].count == 50_001)
        }
    }

    /// A WebSocket whose client stops reading altogether, also below TLS and on another loop.
    @Test func aWebSocketThatStandsStillIsEnded() async throws {
        try await Server.run({
            $0.slowClientBytes = 64 * 1024
            $0.slowClientTimeout = .milliseconds(300)
            $0.maxBufferedBytes = 64 << 20
        }) { server in
            let wire = try await SessionWire.connect(port: server.port, receiveBuffer: 4096)
            let sid = try await server.openWebSocket(wire)
            try await wire.setReading(false)
            let session = try #require(server.session(sid))
            for _ in 0..<1000 { session.send(Self.text(Self.filler(10_000))) }
            #expect(
                try await server.closeReason(sid) == "transport error|slow client: no progress within slowClientTimeout"
            )
            #expect(server.engine.context.budget.usedBytes == 0)
        }
    }

    /// Polls on many connections whose answers are never read count like everything else that waits.
    @Test func answersThatAreNotReadCount() async throws {
        try await Server.run({ $0.maxBufferedBytes = 12 << 20 }) { server in
            let opener = try await server.connect()
            let sid = try await server.openPolling(opener)
            let session = try #require(server.session(sid))
            var readers: [RawReader] = []
            let target = Server.target("polling", sid)
            for _ in 0..<40 where server.log.closeReason(sid) == nil {
                try await session.inside { session in
                    session.send(Self.text(Self.filler(4_000_000)))
                }
                readers.append(
                    try RawReader(
                        port: server.port, receiveBuffer: 2048, request: "GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n"))
                try await eventually("the answer is begun") {
                    try await session.inside { session in
                        !session.hasBacklog || !session.isOpen
                    }
                }
            }
            #expect(
                try await server.closeReason(sid) == "transport error|slow client: more than maxBufferedBytes waited")
            #expect(readers.count < 40)
            // Also what the connections held.
            try await eventually("everything let go of") { server.engine.context.budget.usedBytes == 0 }
            for reader in readers { reader.close() }
        }
    }
}
