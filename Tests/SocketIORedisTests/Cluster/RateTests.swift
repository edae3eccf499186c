// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import ProcessTesting
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

@Suite("Rates in a cluster", .enabled(if: RedisServer.isInstalled), .serialized)
struct RateTests {
    @Test("a node tells the others of busy users, and takes it back")
    func busyUsers() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis, namespaces: ["/"], { $0.heartbeatInterval = .milliseconds(100) }) { nodes in
            var rates = nodes[0].io.configuration
            rates.rates.user.eventsPerSecond = 100
            for node in nodes { try node.io.reload(rates) }
            let (here, there) = (nodes[0].book, nodes[1].book)
            let key = RateKey(high: 1, low: 2)
            let (one, other) = (here.openForTest(key), there.openForTest(key))
            let rule = RateRule(perSecond: 100, burst: 500)
            #expect(one.share == RateAccount.whole && other.share == RateAccount.whole)
            // Sixty a second here: forty are left there.
            try await eventually("the other node leaves what is used here") {
                _ = one.take(6, .events, rule, now: 0)
                try await Task.sleep(for: .milliseconds(100))
                return (350...550).contains(other.share)
            }
            #expect(one.share == RateAccount.whole)
            try await eventually("it is given back") { other.share == RateAccount.whole }
            // A node that is gone gives back as well.
            try await eventually("busy again") {
                _ = one.take(100, .events, rule, now: 0)
                try await Task.sleep(for: .milliseconds(50))
                return other.share == 500
            }
            await nodes[0].io.close()
            try await eventually("the other has it all") { other.share == RateAccount.whole }
        }
    }

    @Test("questions over the bound fail at once, and those before are answered")
    func bound() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis, namespaces: ["/"], { $0.maxPendingRequests = 3 }) { nodes in
            _ = try await nodes[1].client()
            let gate = nodes[0].cluster.cluster.questions
            for _ in 0..<2 { try gate.enter() }
            #expect(try await nodes[0].io.fetchSockets().count == 1)
            try gate.enter()
            for question in ["fetchSockets", "count", "countByRoom", "allSockets", "serverSideEmitWithAck"] {
                let error = await #expect(throws: ClusterError.self) { try await Self.ask(question, nodes[0].io) }
                #expect(error?.code == .overloaded)
            }
            #expect(nodes[0].cluster.statistics.requestsRefused == 5)
            #expect(nodes[0].cluster.statistics.requestTimeouts == 0)
            for _ in 0..<3 { gate.leave() }
            #expect(try await nodes[0].io.fetchSockets().count == 1)
            #expect(try await nodes[0].io.count() == 1)
            #expect(gate.count == 0)
            // Nobody else is asked for what is here.
            try gate.enter()
            #expect(try await nodes[0].io.local.fetchSockets().isEmpty)
            gate.leave()
        }
    }

    private static func ask(_ question: String, _ io: Server) async throws {
        switch question {
        case "fetchSockets": _ = try await io.fetchSockets()
        case "count": _ = try await io.count()
        case "countByRoom": _ = try await io.countByRoom()
        case "allSockets": _ = try await io.allSockets()
        default: _ = try await io.serverSideEmitWithAck("anything", as: String.self)
        }
    }

    @Test("a flood of small events that ask is not a flood of questions that time out")
    func flood() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis, namespaces: ["/"]) { nodes in
            let (answered, refused, failed) = (Recorder<Int>(), Recorder<Int>(), Recorder<Int>())
            nodes[0].io.onConnection { socket in
                socket.on("who") { () async in
                    do {
                        answered.append(try await nodes[0].io.fetchSockets().count)
                    } catch let error as ClusterError where error.code == .overloaded {
                        refused.append(0)
                    } catch {
                        failed.append(0)
                    }
                }
            }
            let client = try await nodes[0].client()
            for _ in 0..<5_000 { try await client.emit("who") }
            try await eventually("all have ended", within: .seconds(60)) {
                answered.count + refused.count + failed.count == 5_000
            }
            #expect(failed.count == 0)
            #expect(answered.count > 0)
            #expect(nodes[0].cluster.statistics.requestTimeouts == 0)
        }
    }

    @Test("what another node tells is read with limits")
    func reading() throws {
        var message = PeerMessage(.alive, node: "n")
        message.rateReports = [RateBook.Report(key: RateKey(high: .max, low: 1), events: 5, bytes: 6)]
        #expect(message.rates == [[.max, 1, 5, 6]])
        #expect(message.rateReports == [RateBook.Report(key: RateKey(high: .max, low: 1), events: 5, bytes: 6)])
        message.rates = [[], [1, 2, 3], [1, 2, 3, 4, 5], [1, 2, .max, .max]]
        #expect(message.rateReports.count == 1)
        #expect(message.rateReports.allSatisfy { $0.events == 1 << 40 && $0.bytes == 1 << 40 })
        message.rates = Array(repeating: [1, 2, 3, 4], count: 1_000)
        #expect(message.rateReports.count == RateBook.maximumReports)
        message.rateReports = []
        #expect(message.rates == nil)
    }
}

extension NodeUnderTest {
    fileprivate var book: RateBook { io.rateBook }
}

extension RateBook {
    fileprivate func openForTest(_ key: RateKey) -> RateAccount { openUser(key, now: 0) }
}
