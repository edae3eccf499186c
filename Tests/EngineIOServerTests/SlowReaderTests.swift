// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Foundation
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
        try await Server.run({ $0.keepAliveTimeout = .minutes(1) }) { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            let session = try #require(server.session(sid))
            let filler = Self.filler(1000)
            if inOneTick {
                try await session.eventLoop.submit {
                    for number in 0..<3000 { session.send(Self.text("\(number) \(filler)")) }
                }.get()
            } else {
                for number in 0..<3000 {
                    try await session.eventLoop.submit { session.send(Self.text("\(number) \(filler)")) }.get()
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
            let shard = first.shard
            try await shard.eventLoop.submit {
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
            }.get()
            for reader in [wire, other] {
                for number in 0..<3000 { #expect(try await reader.text() == "4\(number) \(filler)") }
            }
        }
    }

    /// A burst in one tick costs what its recipient may leave over, not its size.
    @Test func aLongTickIsNotKept() async throws {
        try await Server.run({ $0.maxBufferedBytes = 4 << 20 }) { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            let session = try #require(server.session(sid))
            let filler = Self.filler(100_000)
            let budget = server.engine.context.budget
            let largest = try await session.eventLoop.submit { () -> Int in
                var largest = 0
                for _ in 0..<500 {
                    session.send(Self.text(filler))
                    largest = max(largest, budget.usedBytes)
                }
                return largest
            }.get()
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
                try await session.eventLoop.submit { session.waitingBytes > 64 * 1024 }.get()
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
                try await session.eventLoop.submit {
                    session.send(Self.text(Self.filler(4_000_000)))
                }.get()
                readers.append(
                    try RawReader(
                        port: server.port, receiveBuffer: 2048, request: "GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n"))
                try await eventually("the answer is begun") {
                    try await session.eventLoop.submit {
                        !session.hasBacklog || !session.isOpen
                    }.get()
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

    // MARK: Policies

    /// Without progress the waiting messages shrink to the soft bound, and the session lives on.
    @Test(arguments: [SlowClientPolicy.dropOldest, .dropNewest])
    func standingStillDropsInsteadWhenToldTo(policy: SlowClientPolicy) async throws {
        try await Server.run({
            $0.slowClientBytes = 5000
            $0.slowClientTimeout = .milliseconds(100)
            $0.slowClientPolicy = policy
        }) { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            let session = try #require(server.session(sid))
            let filler = Self.filler(1000)
            try await session.eventLoop.submit {
                for number in 0..<6 { session.send(Self.text("\(number)\(filler)")) }
            }.get()
            try await eventually("no more than the soft bound") {
                try await session.eventLoop.submit { session.hasBacklog && session.waitingBytes <= 5000 }.get()
            }
            let packets = try await wire.get(Server.target("polling", sid)).body.split(separator: "\u{1e}")
            let expected = policy == .dropOldest ? ["43", "44", "45"] : ["40", "41", "42"]
            #expect(packets.map { String($0.prefix(2)) } == expected)
            #expect(server.log.events.contains("dropped 3"))
            #expect(server.log.closeReason(sid) == nil)
        }
    }

    /// Above the soft bound volatile messages go first.
    @Test func volatileMessagesGoFirst() async throws {
        try await Server.run({ $0.slowClientBytes = 5000 }) { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            let session = try #require(server.session(sid))
            let filler = Self.filler(1000)
            try await session.eventLoop.submit {
                for number in 0..<6 {
                    var message = Self.text("\(number)\(filler)")
                    message.isVolatile = number == 1 || number == 4
                    session.send(message)
                }
            }.get()
            // The fourth message passed the bound: then 1 went. 4 came above it.
            let packets = try await wire.get(Server.target("polling", sid)).body.split(separator: "\u{1e}")
            #expect(packets.map { String($0.prefix(2)) } == ["40", "42", "43", "45"])
        }
    }

    @Test func messagesWithAKeyReplaceEachOther() async throws {
        try await Server.run { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            let session = try #require(server.session(sid))
            try await session.eventLoop.submit {
                for number in 0..<6 {
                    var message = Self.text("\(number)")
                    if number % 2 == 0 { message.coalescingKey = CoalescingKey("price") }
                    session.send(message)
                }
            }.get()
            #expect(try await wire.get(Server.target("polling", sid)).body == "41\u{1e}43\u{1e}44\u{1e}45")
        }
    }

    // MARK: All together

    /// Over the budget those for which most waits go first, and no more than necessary.
    @Test(arguments: [1, 2]) func theBudgetEndsTheWorstFirst(loops: Int) async throws {
        let count = 20
        let unit = 30_000
        try await Server.run(loops: loops, { $0.maxTotalBufferedBytes = 3 << 20 }) { server in
            var sids: [String] = []
            for _ in 0..<count {
                let wire = try await server.connect()
                sids.append(try await server.openPolling(wire))
                wire.close()
            }
            let sessions = try sids.map { try #require(server.session($0)) }
            // Session n gets n + 1 units, 6 MiB in sum, little by little.
            for round in 0..<count {
                for session in sessions[round...] {
                    try await session.eventLoop.submit { session.send(Self.text(Self.filler(unit))) }.get()
                }
            }
            let budget = server.engine.context.budget
            try await eventually("the budget is kept") { !budget.isExceeded }
            let reasons = sids.map { server.log.closeReason($0) }
            let expected: String? = "transport error|slow client: maxTotalBufferedBytes was reached"
            let gone = reasons.filter { $0 != nil }
            let othersGone = gone.filter { $0 != expected }
            #expect(othersGone.isEmpty)
            #expect(gone.count >= 5)
            // The bound was passed in the sixth round, when the first five sessions had less than the others.
            let firstFive = reasons.prefix(5).filter { $0 != nil }
            #expect(firstFive.isEmpty)
            #expect(budget.usedBytes > 2 << 20)
        }
    }

    /// What many wait for is there once, so that a large broadcast ends nobody.
    @Test(arguments: [1, 2]) func aBroadcastCountsOnceForEachLoop(loops: Int) async throws {
        try await Server.run(loops: loops, { $0.maxTotalBufferedBytes = 4 << 20 }) { server in
            var sids: [String] = []
            for _ in 0..<40 {
                let wire = try await server.connect()
                sids.append(try await server.openPolling(wire))
                wire.close()
            }
            for shard in server.engine.shards {
                try await shard.eventLoop.submit {
                    let staged = shard.stage(Self.text(Self.filler(900_000)))
                    for session in shard.allSessions() { shard.send(staged, to: session) }
                }.get()
            }
            try await eventually("all wait") {
                var waiting = 0
                for shard in server.engine.shards {
                    waiting += try await shard.eventLoop.submit {
                        shard.allSessions().filter(\.hasBacklog).count
                    }.get()
                }
                return waiting == 40
            }
            let used = server.engine.context.budget.usedBytes
            #expect(used > 900_000 && used < 2_000_000 * loops)
            #expect(server.engine.clientsCount == 40)
        }
    }

    // MARK: Room

    @Test func roomIsGivenInTurn() async throws {
        try await Server.run({ $0.slowClientBytes = 5000 }) { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            let session = try #require(server.session(sid))
            let filler = Self.filler(1000)
            try await session.eventLoop.submit {
                for number in 0..<4 { session.send(Self.text("\(number)\(filler)")) }
            }.get()
            try await eventually("no room") {
                try await session.eventLoop.submit { session.waitingBytes > 5000 }.get()
            }
            try await session.eventLoop.submit {
                for number in 4..<12 {
                    session.whenRoom { hasRoom in
                        server.log.add("room \(number) \(hasRoom)")
                        session.send(Self.text("\(number)\(filler)"))
                    }
                }
            }.get()
            #expect(!server.log.events.contains { $0.hasPrefix("room") })
            let first = try await wire.get(Server.target("polling", sid)).body.split(separator: "\u{1e}")
            #expect(first.map { $0.prefix(2) } == ["40", "41", "42", "43"])
            // As many as lift it above the bound, and no more.
            #expect(server.log.events.filter { $0.hasPrefix("room") } == (4..<8).map { "room \($0) true" })
            let second = try await wire.get(Server.target("polling", sid)).body.split(separator: "\u{1e}")
            #expect(second.map { $0.prefix(2) } == ["44", "45", "46", "47"])
            session.close(discard: true)
            _ = try await server.closeReason(sid)
            #expect(server.log.events.filter { $0.hasPrefix("room") }.count == 8)
        }
    }
}
