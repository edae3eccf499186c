// Part of socketio-server, MIT licence; see LICENSE.

import ClusterTesting
import HiredisNIO
import Logging
import NIOCore
import ProcessTesting
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

/// The faults of the way to Redis in docs/reliability.md: F9, F13, F14. The second node reaches Redis over a link with
/// faults; both send numbered messages to the clients of both.
@Suite("The way to Redis in trouble", .enabled(if: RedisServer.isInstalled), .serialized)
struct NetworkFaultTests {
    private func withFaultyLink(
        pingInterval: Duration = .seconds(3), logger: Logger = silentLogger,
        _ change: @Sendable (inout RedisClusterConfiguration) -> Void = { _ in },
        _ body: ([NodeUnderTest], FaultyLink, RedisServer) async throws -> Void
    ) async throws {
        let redis = try await RedisServer.started()
        let link = try await FaultyLink(to: redis.port)
        var configuration = link.configuration
        configuration.pingInterval = pingInterval
        try await withNodes(
            2, on: redis, namespaces: ["/"], logger: logger, via: { $0 == 1 ? configuration : nil },
            {
                // Redis' peers stay known through the fault.
                $0.heartbeatInterval = .milliseconds(100)
                $0.peerTimeout = .seconds(60)
                change(&$0)
            }
        ) { nodes in
            do {
                try await body(nodes, link, redis)
            } catch {
                try? await link.close()
                throw error
            }
        }
        try? await link.close()
    }

    /// Each node's own client misses nothing, whatever happens to Redis.
    private func expectLocal(_ all: [[NumberedTraffic.Received]], _ count: Int) {
        for (index, streams) in all.enumerated() { streams[index].expectPerfect(count, "local at \(index)") }
    }

    @Test("F9: Redis cuts a node that reads too slowly; it is back, the loss is counted, the log says why")
    func outputBufferCut() async throws {
        let (logger, lines) = recordingLogger()
        try await withFaultyLink(pingInterval: .seconds(20), logger: logger) { nodes, link, redis in
            let admin = try await redis.admin()
            try await admin.run("CONFIG", "SET", "client-output-buffer-limit", "pubsub 256kb 128kb 1")
            try await Task.sleep(for: .milliseconds(250))
            let ballast = String(repeating: "x", count: 100_000)
            let all = try await NumberedTraffic(count: 300, interval: .milliseconds(5), senders: [0], ballast: ballast)
                .run(nodes) { number in
                    if number == 50 { link.set { $0.holdsToClient = true } }
                    guard number == 200 else { return }
                    try await eventually("Redis has cut somebody") {
                        let clients = try await admin.run("CLIENT", "LIST", "TYPE", "pubsub").stringValue ?? ""
                        return clients.split(separator: "\n").count == 1
                    }
                    link.set { $0.holdsToClient = false }
                }
            await admin.close()
            all[0][0].expectPerfect(300, "local")
            all[1][0].expectOrder("remote")
            let lost = all[1][0].lost(of: 300).count
            print("F9: lost \(lost), gap \(all[1][0].longestGap)")
            #expect(lost > 0 && lost < 250)
            try await eventually("the loss is counted") { nodes[1].cluster.statistics.missed >= lost }
            #expect(nodes[1].cluster.statistics.missed <= lost + 5)
            #expect(lines.all.contains { $0.hasPrefix("warning") && $0.contains("client-output-buffer-limit pubsub") })
            try await eventually("up") { nodes.allSatisfy { $0.cluster.status == .up } }
        }
    }

    @Test("F13: a node is cut from Redis; its clients go on, requests name it, and all is well soon after")
    func cut() async throws {
        let healed = Recorder<ContinuousClock.Instant>()
        try await withFaultyLink(pingInterval: .milliseconds(300), { $0.requestsTimeout = .seconds(1) }) {
            nodes, link, _ in
            try await Task.sleep(for: .milliseconds(250))
            let all = try await NumberedTraffic(count: 300, interval: .milliseconds(10)).run(nodes) { number in
                switch number {
                case 50:
                    link.set { ($0.holdsToServer, $0.holdsToClient) = (true, true) }
                case 60:
                    let start = ContinuousClock.now
                    let error = await #expect(throws: ClusterError.self) { try await nodes[0].io.fetchSockets() }
                    #expect(error?.missing == ["nod1"])
                    #expect(error?.message == "timeout reached while waiting for fetchSockets response")
                    #expect(ContinuousClock.now - start < .seconds(4))
                    try await eventually("noticed") {
                        if case .down = nodes[1].cluster.status { true } else { false }
                    }
                    let down = await #expect(throws: ClusterError.self) { try await nodes[1].io.fetchSockets() }
                    #expect(down?.code == .unavailable)
                case 200:
                    healed.append(.now)
                    link.set { ($0.holdsToServer, $0.holdsToClient) = (false, false) }
                default: break
                }
            }
            expectLocal(all, 300)
            let (toCut, fromCut) = (all[1][0], all[0][1])
            toCut.expectOrder("to the node that was cut")
            fromCut.expectOrder("from the node that was cut")
            let statistics = nodes[1].cluster.statistics
            let recovery = [toCut, fromCut].map { $0.recovery(from: healed.all[0]) }
            let lost = (to: toCut.lost(of: 300).count, from: fromCut.lost(of: 300).count)
            print("F13: lost \(lost), unconfirmed \(statistics.unconfirmed), recovery \(recovery)")
            // One second is the aim.
            #expect(recovery.allSatisfy { $0.map { $0 < .seconds(5) } ?? false })
            #expect(lost.from <= statistics.unconfirmed)
            #expect(statistics.replayed > 0 && statistics.dropped == 0 && statistics.lost == 0)
            try await eventually("the loss is counted") { nodes[1].cluster.statistics.missed >= lost.to }
            try await eventually("up") { nodes.allSatisfy { $0.cluster.status == .up } }
            #expect(try await nodes[0].io.count() == 2)
        }
    }

    @Test("F14: one direction is cut; the dead link is noticed within two ping intervals", arguments: [true, false])
    func oneWay(toServer: Bool) async throws {
        let times = Recorder<ContinuousClock.Instant>()
        try await withFaultyLink(pingInterval: .milliseconds(400)) { nodes, link, _ in
            let all = try await NumberedTraffic(count: 200, interval: .milliseconds(5)).run(nodes) { number in
                guard number == 50 else { return }
                times.append(.now)
                link.set { if toServer { $0.holdsToServer = true } else { $0.holdsToClient = true } }
                try await eventually("noticed") { nodes[1].cluster.status != .up }
                times.append(.now)
                try await eventually("given up") {
                    if case .down = nodes[1].cluster.status { true } else { false }
                }
                link.set { ($0.holdsToServer, $0.holdsToClient) = (false, false) }
                times.append(.now)
            }
            expectLocal(all, 200)
            let (toCut, fromCut) = (all[1][0], all[0][1])
            toCut.expectOrder("to the node that was cut")
            fromCut.expectOrder("from the node that was cut")
            let recovery = [toCut, fromCut].map { $0.recovery(from: times.all[2]) }
            let statistics = nodes[1].cluster.statistics
            let lost = (to: toCut.lost(of: 200).count, from: fromCut.lost(of: 200).count)
            print(
                """
                F14 \(toServer ? "to" : "from") Redis: noticed after \(times.all[1] - times.all[0]), lost \(lost), \
                unconfirmed \(statistics.unconfirmed), recovery \(recovery)
                """)
            // 800 ms are promised.
            #expect(times.all[1] - times.all[0] < .seconds(3))
            #expect(lost.from <= statistics.unconfirmed)
        }
    }

    enum Slowness: CaseIterable { case late, byteByByte }

    @Test("F14: 200 ms late, or byte by byte: nothing is lost, no link is given up", arguments: Slowness.allCases)
    func slow(_ slowness: Slowness) async throws {
        let (logger, lines) = recordingLogger()
        // A link that dribbles may fall behind on a busy machine: the traffic waits for it, and nothing but a machine that
        // stands still makes a ping take this long.
        try await withFaultyLink(
            pingInterval: .seconds(20), logger: logger, { $0.requestsTimeout = .seconds(30) }
        ) { nodes, link, _ in
            link.set { if slowness == .late { $0.delay = .milliseconds(200) } else { $0.piece = 1 } }
            var traffic = NumberedTraffic(count: 200)
            traffic.isPaced = slowness == .byteByByte
            let all = try await traffic.run(nodes) { _ in }
            for streams in all { for received in streams { received.expectPerfect(200, "slow") } }
            // The last of what the traffic has sent may still be on its way.
            try await eventually("up", within: .seconds(30)) { nodes.allSatisfy { $0.cluster.status == .up } }
            #expect(nodes.allSatisfy { $0.cluster.statistics.unconfirmed == 0 })
            #expect(try await nodes[0].io.count() == 2)
            #expect(!lines.all.contains { $0.contains("Redis link is down") }, "\(lines.all)")
        }
    }

    @Test("F14: connections are reset at random; nothing is doubled, what is lost is counted, no wedge")
    func resets() async throws {
        try await withFaultyLink { nodes, link, _ in
            try await Task.sleep(for: .milliseconds(250))
            let all = try await NumberedTraffic(count: 1000, interval: .milliseconds(3)).run(nodes) { number in
                // Each lives long enough that the node does not wait longer and longer, as it does after connections that
                // end at once.
                if number == 0 { link.set { $0.lives = 200...600 } }
                if number == 999 { link.set { $0.lives = nil } }
            }
            expectLocal(all, 1000)
            all[1][0].expectOrder("to")
            all[0][1].expectOrder("from")
            let statistics = nodes[1].cluster.statistics
            let lost = (to: all[1][0].lost(of: 1000).count, from: all[0][1].lost(of: 1000).count)
            print(
                """
                F14 resets: lost \(lost), unconfirmed \(statistics.unconfirmed), replayed \(statistics.replayed), \
                gaps \(all[1][0].longestGap), \(all[0][1].longestGap)
                """)
            #expect(lost.from <= statistics.unconfirmed)
            // Every connection that is reset is made again within moments. Without the next connection most would be lost.
            // What the node's own client waited for as well was the machine.
            #expect(lost.to < 300)
            let machine = max(all[0][0].longestGap, all[1][1].longestGap)
            #expect([all[1][0], all[0][1]].allSatisfy { $0.longestGap < .seconds(1) + machine }, "\(machine)")
            try await eventually("the loss is counted") { nodes[1].cluster.statistics.missed >= lost.to }
            try await eventually("up") { nodes.allSatisfy { $0.cluster.status == .up } }
            #expect(try await nodes[0].io.count() == 2)
        }
    }
}
