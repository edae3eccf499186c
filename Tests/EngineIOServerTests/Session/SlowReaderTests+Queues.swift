// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

// What happens to the queues of slow readers: policies, the budget of the node, and room for further messages.
extension SlowReaderTests {
    // MARK: Policies

    /// Without progress the waiting messages shrink to the soft bound, and the session lives on.
    @Test(arguments: [SlowClientPolicy.dropOldest, .dropNewest])
    func standingStillDropsInsteadWhenToldTo(policy: SlowClientPolicy) async throws {
        try await Server.run({
            $0.slowClientBytes = 5000
            $0.slowClientTimeout = .milliseconds(100)
            $0.slowClientPolicy = policy
        }) { server in
            let (wire, sid, session) = try await server.pollingClient()
            let filler = Self.filler(1000)
            try await session.inside { session in
                for number in 0..<6 { session.send(Self.text("\(number)\(filler)")) }
            }
            try await eventually("no more than the soft bound") {
                try await session.inside { session in session.hasBacklog && session.waitingBytes <= 5000 }
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
            let (wire, sid, session) = try await server.pollingClient()
            let filler = Self.filler(1000)
            try await session.inside { session in
                for number in 0..<6 {
                    var message = Self.text("\(number)\(filler)")
                    message.isVolatile = number == 1 || number == 4
                    session.send(message)
                }
            }
            // The fourth message passed the bound: then 1 went. 4 came above it.
            let packets = try await wire.get(Server.target("polling", sid)).body.split(separator: "\u{1e}")
            #expect(packets.map { String($0.prefix(2)) } == ["40", "42", "43", "45"])
        }
    }

    @Test func messagesWithAKeyReplaceEachOther() async throws {
        try await Server.run { server in
            let (wire, sid, session) = try await server.pollingClient()
            try await session.inside { session in
                for number in 0..<6 {
                    var message = Self.text("\(number)")
                    if number % 2 == 0 { message.coalescingKey = CoalescingKey("price") }
                    session.send(message)
                }
            }
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
                    try await session.inside { session in session.send(Self.text(Self.filler(unit))) }
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
                try await shard.inside { shard in
                    let staged = shard.stage(Self.text(Self.filler(900_000)))
                    for session in shard.allSessions() { shard.send(staged, to: session) }
                }
            }
            try await eventually("all wait") {
                var waiting = 0
                for shard in server.engine.shards {
                    waiting += try await shard.inside { shard in
                        shard.allSessions().filter(\.hasBacklog).count
                    }
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
            let (wire, sid, session) = try await server.pollingClient()
            let filler = Self.filler(1000)
            try await session.inside { session in
                for number in 0..<4 { session.send(Self.text("\(number)\(filler)")) }
            }
            try await eventually("no room") {
                try await session.inside { session in session.waitingBytes > 5000 }
            }
            try await session.inside { session in
                for number in 4..<12 {
                    session.whenRoom { hasRoom in
                        server.log.add("room \(number) \(hasRoom)")
                        session.send(Self.text("\(number)\(filler)"))
                    }
                }
            }
            #expect(!server.log.events.contains { $0.hasPrefix("room") })
            let first = try await wire.get(Server.target("polling", sid)).body.split(separator: "\u{1e}")
            #expect(first.map { $0.prefix(2) } == ["40", "41", "42", "43"])
            // The calls come after the delivery that made the room, so the client may have its answer first.
            try await eventually("room for some") {
                server.log.events.filter { $0.hasPrefix("room") }.count >= 4
            }
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
