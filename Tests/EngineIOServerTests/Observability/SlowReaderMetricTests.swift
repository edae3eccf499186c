// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import MetricTesting
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// What is counted of clients that read slowly, and the bounds that a configuration gives them.
@Suite struct SlowReaderMetricTests {
    typealias Server = SessionTestServer

    private static func run(
        _ configure: (inout EngineConfiguration) -> Void, _ body: (Server, CountedMetrics) async throws -> Void
    ) async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            try await Server.run(loops: 1, configure) { server in try await body(server, metrics) }
        }
    }

    private static func expect(
        _ metrics: CountedMetrics, disconnects: [SlowClientReason: Int] = [:],
        dropped: [EngineMetrics.DropPolicy: Int] = [:], _ location: SourceLocation = #_sourceLocation
    ) {
        for reason in SlowClientReason.allCases {
            let count = metrics["engineio_slow_client_disconnects_total", [("reason", reason.rawValue)]]
            #expect(count == Double(disconnects[reason] ?? 0), "\(reason)", sourceLocation: location)
        }
        for policy in EngineMetrics.DropPolicy.allCases {
            let count = metrics["engineio_dropped_messages_total", [("policy", policy.rawValue)]]
            #expect(count == Double(dropped[policy] ?? 0), "\(policy)", sourceLocation: location)
        }
    }

    /// A polling client without a poll, for which everything waits.
    private static func idle(_ server: Server) async throws -> EngineSession {
        let sid = try await server.openPolling(try await server.connect())
        return try #require(server.session(sid))
    }

    /// Sends the messages, each in a tick of its own, and returns when the last tick has ended: figures are counted there.
    private static func send(_ texts: [OutboundMessage], to session: EngineSession) async throws {
        for text in texts { try await session.inside { session in session.send(text) } }
        for _ in 0..<2 { try await session.eventLoop.submit {}.get() }
    }

    private static func messages(_ count: Int, _ size: Int) -> [OutboundMessage] {
        (0..<count).map { _ in SlowReaderTests.text(SlowReaderTests.filler(size)) }
    }

    @Test func theBoundsAreThoseOfTheConfiguration() async throws {
        try await Self.run({
            $0.slowClientBytes = 70_000
            $0.maxBufferedBytes = 500_000
            $0.slowClientTimeout = .milliseconds(7_300)
        }) { server, _ in
            #expect(
                server.engine.context.slowClientLimits
                    == SlowClientLimits(softBound: 70_000, hardBound: 500_000, timeout: .milliseconds(7_300)))
        }
    }

    /// From both sides of the bound: what fits waits, one byte more ends the session.
    @Test func theHardBoundEndsAClientAndIsCounted() async throws {
        let cost = HeldMessage.cost(of: Self.messages(1, 50_000)[0])
        for (bound, isEnded) in [(4 * cost, false), (4 * cost - 1, true)] {
            try await Self.run({
                $0.maxBufferedBytes = bound
                $0.slowClientBytes = bound
            }) { server, metrics in
                let session = try await Self.idle(server)
                try await Self.send(Self.messages(4, 50_000), to: session)
                // What was sent on the loop before has been delivered when this runs.
                try await session.eventLoop.submit {}.get()
                if isEnded {
                    let reason = "transport error|slow client: more than maxBufferedBytes waited"
                    #expect(try await server.closeReason(session.id) == reason)
                    Self.expect(metrics, disconnects: [.hardBound: 1])
                } else {
                    #expect(try await session.inside { session in session.waitingBytes } == bound)
                    #expect(server.log.closeReason(session.id) == nil)
                    Self.expect(metrics)
                }
            }
        }
    }

    @Test func standingStillEndsAClientAndIsCounted() async throws {
        try await Self.run({
            $0.slowClientBytes = 64 * 1024
            $0.slowClientTimeout = .milliseconds(100)
        }) { server, metrics in
            let session = try await Self.idle(server)
            try await Self.send(Self.messages(3, 50_000), to: session)
            let reason = "transport error|slow client: no progress within slowClientTimeout"
            #expect(try await server.closeReason(session.id) == reason)
            Self.expect(metrics, disconnects: [.noProgress: 1])
        }
    }

    /// What a client held is there again for others when it has gone, so that the next one is not ended for it.
    @Test func theBudgetEndsOneClientAfterTheOtherAndEachIsCounted() async throws {
        try await Self.run({ $0.maxTotalBufferedBytes = 1 << 20 }) { server, metrics in
            for number in 1...3 {
                let session = try await Self.idle(server)
                try await Self.send(Self.messages(10, 100_000), to: session)
                try await session.eventLoop.submit {}.get()
                #expect(server.log.closeReason(session.id) == nil)
                Self.expect(metrics, disconnects: [.budget: number - 1])
                try await Self.send(Self.messages(1, 100_000), to: session)
                let reason = "transport error|slow client: maxTotalBufferedBytes was reached"
                #expect(try await server.closeReason(session.id) == reason)
                try await eventually("nothing is held") { server.engine.context.budget.usedBytes == 0 }
                Self.expect(metrics, disconnects: [.budget: number])
            }
        }
    }

    @Test(arguments: [SlowClientPolicy.dropOldest, .dropNewest])
    func whatIsDroppedAtTheHardBoundIsCounted(policy: SlowClientPolicy) async throws {
        let cost = HeldMessage.cost(of: Self.messages(1, 50_000)[0])
        try await Self.run({
            $0.maxBufferedBytes = 4 * cost
            $0.slowClientPolicy = policy
        }) { server, metrics in
            let session = try await Self.idle(server)
            try await Self.send(Self.messages(11, 50_000), to: session)
            try await session.eventLoop.submit {}.get()
            Self.expect(metrics, dropped: [policy == .dropOldest ? .dropOldest : .dropNewest: 7])
            #expect(server.log.closeReason(session.id) == nil)
        }
    }

    @Test func volatileAndReplacedMessagesAreCounted() async throws {
        try await Self.run({ $0.slowClientBytes = 5_000 }) { server, metrics in
            let session = try await Self.idle(server)
            var messages = Self.messages(6, 1_000)
            messages[1].isVolatile = true
            messages[5].isVolatile = true
            try await Self.send(messages, to: session)
            Self.expect(metrics, dropped: [.volatile: 2])
            for _ in 0..<4 {
                var message = SlowReaderTests.text("1")
                message.coalescingKey = CoalescingKey("price")
                try await Self.send([message], to: session)
            }
            try await session.eventLoop.submit {}.get()
            Self.expect(metrics, dropped: [.volatile: 2, .coalesce: 3])
        }
    }
}
