// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import NIOConcurrencyHelpers
import NIOCore
import ProcessTesting
import SocketIOCore
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

/// Sessions that continue while the link between a node and Redis makes everything late.
@Suite("Races of recovery", .enabled(if: RedisServer.isInstalled), .serialized, .timeLimit(.minutes(3)))
struct RecoveryRaceTests {
    /// Two nodes; the second one reaches Redis over a link that the test makes late.
    private func withLateNode(
        _ recovery: ConnectionStateRecovery = ConnectionStateRecovery(),
        _ body: ([NodeUnderTest], FaultyLink, RedisServer) async throws -> Void
    ) async throws {
        let redis = try await RedisServer.started()
        let link = try await FaultyLink(to: redis.port)
        try await withNodes(
            2, on: redis, namespaces: ["/"], recovery: recovery, via: { $0 == 1 ? link.configuration : nil },
            { $0.streams = RedisStreams() }
        ) { nodes in
            try await body(nodes, link, redis)
        }
        try await link.close()
    }

    /// Sends numbers until told to stop; the last one is returned.
    private func sending(
        from node: NodeUnderTest, after first: Int
    ) -> (task: Task<Int, Never>, stop: @Sendable () -> Void) {
        let isOver = NIOLockedValueBox(false)
        let task = Task {
            var number = first
            while !isOver.withLockedValue({ $0 }) {
                number += 1
                node.io.to("room").emit("n", number)
                try? await Task.sleep(for: .milliseconds(2))
            }
            return number
        }
        return (task, { isOver.withLockedValue { $0 = true } })
    }

    @Test("Entries that are read before, while and after a client returns", arguments: [0, 3, 20, 60])
    func restore(milliseconds: Int64) async throws {
        try await withLateNode { nodes, link, redis in
            let admin = try await redis.admin()
            var client = ReturningClient()
            try await client.connect(to: nodes[0])
            for number in 1...3 { nodes[0].io.to("room").emit("n", number) }
            try await client.take(through: 3)
            link.set { $0.delay = .milliseconds(milliseconds) }
            let (task, stop) = sending(from: nodes[0], after: 3)
            for round in 0..<6 {
                try await client.cut()
                // A session that was claimed just now is not in Redis before its node has written it again.
                let key = "sio:rec:\(try #require(client.pid))"
                try await eventually("the session is there") { try await admin.run("GET", key).bytes != nil }
                try await client.connect(to: nodes[(round + 1) % 2])
                #expect(client.recovered)
            }
            stop()
            let last = await task.value
            try await client.take(through: last)
            #expect(client.numbers == Array(1...last))
        }
    }

    @Test("Of two connections that claim a session at once, one continues it", arguments: [0, 20])
    func claims(milliseconds: Int64) async throws {
        try await withLateNode { nodes, link, _ in
            var client = ReturningClient()
            try await client.connect(to: nodes[0])
            nodes[0].io.to("room").emit("n", 1)
            try await client.take(through: 1)
            link.set { $0.delay = .milliseconds(milliseconds) }
            for round in 0..<5 {
                try await client.cut()
                nodes[0].io.to("room").emit("n", 2 + round)
                let (first, second) = (client, client)
                async let one = returning(first, to: nodes[0], through: 2 + round)
                async let other = returning(second, to: nodes[1], through: 2 + round)
                let both = try await [one, other]
                let winners = both.filter(\.recovered)
                // The one may have continued it, and the other taken it over from that.
                #expect(!winners.isEmpty)
                #expect(both.filter { !$0.recovered }.allSatisfy { $0.id != client.id && $0.pid != client.pid })
                try await atMostOneStays(client.id, of: nodes[0])
                client = try #require(winners.last)
                for var loser in both.filter({ !$0.recovered }) { try await loser.cut() }
            }
            #expect(client.numbers == Array(1...6))
        }
    }

    /// The connection that another one has taken over from ends when its server has heard of it.
    private func atMostOneStays(_ id: String, of node: NodeUnderTest) async throws {
        try await eventually("the other one is gone") { try await node.io.in(id).fetchSockets().count <= 1 }
    }

    private func returning(
        _ client: ReturningClient, to node: NodeUnderTest, through last: Int
    ) async throws -> ReturningClient {
        var client = client
        try await client.connect(to: node)
        if client.recovered { try? await client.take(through: last) }
        return client
    }

    @Test("A session that expires at the moment of the return is continued whole or not at all")
    func expiry() async throws {
        var recovery = ConnectionStateRecovery()
        recovery.maxDisconnectionDuration = .milliseconds(400)
        try await withLateNode(recovery) { nodes, link, _ in
            link.set { $0.delay = .milliseconds(15) }
            var outcomes: Set<Bool> = []
            for wait in [200, 340, 355, 370, 385, 400, 415, 500] {
                var client = ReturningClient()
                try await client.connect(to: nodes[0])
                nodes[0].io.to("room").emit("n", 1)
                try await client.take(through: 1)
                let id = client.id
                try await client.cut()
                for number in 2...4 { nodes[0].io.to("room").emit("n", number) }
                try await Task.sleep(for: .milliseconds(wait))
                try await client.connect(to: nodes[1])
                outcomes.insert(client.recovered)
                #expect(client.recovered == (client.id == id))
                nodes[0].io.to("room").emit("n", 5)
                try await client.take(through: 5)
                #expect(client.numbers == (client.recovered ? [1, 2, 3, 4, 5] : [1, 5]))
                try await client.cut()
            }
            #expect(outcomes == [true, false])
        }
    }

    @Test("A message that a client sends to one node and then to another is handled once")
    func handledOnce() async throws {
        try await withLateNode { nodes, link, _ in
            link.set { $0.delay = .milliseconds(10) }
            let runs = NIOLockedValueBox(0)
            let handled = nodes.map { HandledMessages(in: $0.io.of("/")) }
            @Sendable func send(_ id: String, to index: Int) async throws -> [Int] {
                try await handled[index].once(id, of: "ann") {
                    let number = runs.withLockedValue { runs in
                        runs += 1
                        return runs
                    }
                    try await Task.sleep(for: .milliseconds(30))
                    return [number]
                }
            }
            let answers = [try await send("a", to: 0), try await send("a", to: 1)]
            #expect(answers == [[1], [1]])
            // While the first node is at it.
            async let first = send("b", to: 0)
            async let second = send("b", to: 1)
            let both = try await [first, second]
            #expect(both[0] == both[1])
            #expect(runs.withLockedValue { $0 } == 2)
            // A handler that throws has not handled it.
            await #expect(throws: TestFailure.self) {
                try await handled[0].once("c", of: "ann") { () async throws -> Int in throw TestFailure("no") }
            }
            try await eventually("the other node handles it") {
                (try? await handled[1].once("c", of: "ann") { 7 }) == 7
            }
        }
    }

    @Test("A client that is lost again while its session is restored can return", arguments: [1, 15, 40, 80])
    func drop(milliseconds: Int) async throws {
        try await withLateNode { nodes, link, redis in
            var client = ReturningClient()
            try await client.connect(to: nodes[0])
            nodes[0].io.to("room").emit("n", 1)
            try await client.take(through: 1)
            link.set { $0.delay = .milliseconds(20) }
            let id = client.id
            try await client.cut()
            for number in 2...20 {
                nodes[0].io.to("room").emit("n", number)
                if number % 5 == 0 {
                    try await client.giveUpReturning(to: nodes[1], after: .milliseconds(milliseconds))
                }
            }
            // The record is put back over the late link, as one without an owner.
            let (admin, key) = (try await redis.admin(), "sio:rec:\(try #require(client.pid))")
            try await eventually("the record is there again") {
                guard let value = try await admin.run("GET", key).bytes else { return false }
                return StoredSession.decode(value, wantedIn: "/", limits: StoredSession.Limits())?.owner == nil
            }
            try await client.connect(to: nodes[1])
            #expect(client.recovered)
            #expect(client.id == id)
            try await client.take(through: 20)
            #expect(client.numbers == Array(1...20))
        }
    }
}
