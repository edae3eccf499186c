// Part of socketio-server, MIT licence; see LICENSE.

import ClusterTesting
import Foundation
import HiredisNIO
import NIOCore
import ProcessTesting
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

/// The faults of Redis in docs/reliability.md, F0 to F6 and F10, with numbered traffic from one node to clients of both.
@Suite("Redis in trouble", .enabled(if: RedisServer.isInstalled), .serialized)
struct OutageTests {
    /// Two nodes, of which the first sends: what its own client and that of the second got.
    private func traffic(
        _ nodes: [NodeUnderTest], count: Int, every interval: Duration = .milliseconds(10),
        _ fault: @Sendable (Int) async throws -> Void
    ) async throws -> (local: NumberedTraffic.Received, remote: NumberedTraffic.Received) {
        let all = try await NumberedTraffic(count: count, interval: interval, senders: [0]).run(nodes, fault)
        return (all[0][0], all[1][0])
    }

    @Test("F0: nothing wrong")
    func nothing() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis, namespaces: ["/"]) { nodes in
            let (local, remote) = try await traffic(nodes, count: 200, every: .milliseconds(2)) { _ in }
            local.expectPerfect(200, "local")
            remote.expectPerfect(200, "remote")
        }
    }

    @Test("F1: subscriptions are cut; back at once, what was missed is counted")
    func subscriptionsCut() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis, namespaces: ["/"], { $0.heartbeatInterval = .milliseconds(100) }) { nodes in
            let admin = try await redis.admin()
            // Both know what the other has sent so far.
            try await Task.sleep(for: .milliseconds(250))
            let (local, remote) = try await traffic(nodes, count: 200, every: .milliseconds(5)) { number in
                if number == 100 { try await admin.run("CLIENT", "KILL", "TYPE", "pubsub") }
            }
            await admin.close()
            local.expectPerfect(200, "local")
            remote.expectOrder("remote")
            let lost = remote.lost(of: 200)
            print("F1: lost \(lost.count), gap \(remote.longestGap)")
            // 50 ms is the aim, of which at most 5 pass until the first attempt (tests of `Backoff`); a loaded machine
            // needs longer for the rest.
            #expect(remote.longestGap < .seconds(1))
            try await eventually("missed \(lost.count), not \(nodes[1].cluster.statistics.missed)") {
                nodes[1].cluster.statistics.missed >= lost.count
            }
            #expect(nodes[1].cluster.statistics.missed <= lost.count + 2)
        }
    }

    @Test("F2: publishing connections are cut again and again; nothing is lost, nothing doubled")
    func publishersCut() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis, namespaces: ["/"]) { nodes in
            let admin = try await redis.admin()
            let all = try await NumberedTraffic(count: 1000, interval: .milliseconds(1)).run(nodes) { number in
                guard number % 100 == 50 else { return }
                // Many in flight, so that some are taken and some are not.
                for extra in 0..<200 { nodes[0].io.to("elsewhere").emit("x", extra) }
                try await admin.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            }
            await admin.close()
            for (receiver, streams) in all.enumerated() {
                for (sender, received) in streams.enumerated() {
                    received.expectPerfect(1000, "from \(sender) at \(receiver)")
                }
            }
            let statistics = nodes.map(\.cluster.statistics)
            print(
                """
                F2: unconfirmed \(statistics.map(\.unconfirmed)), replayed \(statistics.map(\.replayed)), \
                gap \(all[1][0].longestGap)
                """)
            #expect(statistics.allSatisfy { $0.unconfirmed == 0 && $0.lost == 0 && $0.dropped == 0 && $0.missed == 0 })
        }
    }

    @Test("F3: Redis stands still for a while; nothing is lost, local delivery is not delayed")
    func standstill() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis, namespaces: ["/"]) { nodes in
            let (local, remote) = try await traffic(nodes, count: 200) { number in
                if number == 50 {
                    redis.signal(SIGSTOP)
                } else if number == 150 {
                    redis.signal(SIGCONT)
                }
            }
            local.expectPerfect(200, "local")
            remote.expectPerfect(200, "remote")
            print("F3: local gap \(local.longestGap), remote gap \(remote.longestGap)")
            local.expectUndelayed(during: 51..<150, by: .milliseconds(10), "F3: local delivery")
        }
    }

    @Test("F4: Redis is killed and comes back; what waited is sent when the others are back too")
    func killed() async throws {
        let redis = try await RedisServer.started()
        let back = Recorder<ContinuousClock.Instant>()
        try await withNodes(3, on: redis, namespaces: ["/"], { $0.heartbeatInterval = .milliseconds(100) }) { nodes in
            let (local, remote) = try await traffic(nodes, count: 300) { number in
                if number == 50 {
                    redis.stop()
                } else if number == 51 {
                    try await eventually("noticed") { nodes[0].cluster.status != .up }
                } else if number == 200 {
                    if case .down = nodes[0].cluster.status {} else { Issue.record("\(nodes[0].cluster.status)") }
                    await #expect(throws: ClusterError.self) { try await nodes[0].io.fetchSockets() }
                    try await redis.start()
                    back.append(.now)
                }
            }
            local.expectPerfect(300, "local")
            remote.expectOrder("remote")
            let statistics = nodes[0].cluster.statistics
            let lost = remote.lost(of: 300)
            let recovery = remote.recovery(from: back.all[0])
            print(
                """
                F4: lost \(lost), replayed \(statistics.replayed), unconfirmed \(statistics.unconfirmed), \
                recovery \(recovery as Any)
                """)
            // 250 ms is the aim, of which at most 100 pass until the next attempt (tests of `Backoff`) and 32 until this
            // node has seen that the others are back.
            #expect(recovery.map { $0 < .milliseconds(1500) } == true)
            local.expectUndelayed(during: 52..<200, by: .milliseconds(10), "F4: local delivery")
            #expect(lost.count <= statistics.unconfirmed)
            #expect(statistics.replayed > 100)
            #expect(statistics.dropped == 0)
            try await eventually("up") { nodes.allSatisfy { $0.cluster.status == .up } }
            #expect(try await nodes[0].io.count() == 3)
        }
    }

    @Test("F5: Redis is absent at the start; the nodes serve, and join when it comes")
    func absent() async throws {
        let redis = try RedisServer()
        var nodes: [NodeUnderTest] = []
        for name in ["nod0", "nod1"] {
            let cluster = try RedisCluster(redis: redis.configuration)
            nodes.append(try await NodeUnderTest.start(name, cluster) { joinAsTold($0.io.sockets) })
        }
        let local = try await nodes[0].client(["a"])
        let remote = try await nodes[1].client(["a"])
        nodes[0].io.emit("early")
        #expect(try await local.next("early").name == "early")
        await #expect(throws: ClusterError.self) { try await nodes[0].cluster.waitUntilUp(within: .milliseconds(50)) }
        await #expect(throws: ClusterError.self) { try await nodes[0].io.fetchSockets() }
        try await redis.start()
        for node in nodes { try await node.cluster.waitUntilUp(within: .seconds(20)) }
        try await settled(nodes, namespaces: ["/"])
        nodes[0].io.to("a").emit("late")
        #expect(try await remote.next("late").name == "late")
        for node in nodes { await node.io.close() }
    }

    @Test(
        "F6: an outage under load keeps memory bounded; the oldest messages go first",
        arguments: OutagePolicy.Mode.allCases)
    func bounded(mode: OutagePolicy.Mode) async throws {
        let redis = try await RedisServer.started()
        try await withNodes(
            2, on: redis, namespaces: ["/"], { $0.outage = OutagePolicy(mode: mode, maximumBytes: 100_000) }
        ) { nodes in
            let remote = try await nodes[1].client(["a"])
            redis.stop()
            try await eventually("down") { if case .down = nodes[0].cluster.status { true } else { false } }
            for number in 0..<5000 { nodes[0].io.to("a").emit("n", number) }
            if mode == .fail {
                await #expect(throws: ClusterError.self) { try await nodes[0].io.serverSideEmit("x") }
            }
            try await eventually("counted") {
                let statistics = nodes[0].cluster.statistics
                return mode == .buffer ? statistics.dropped > 4000 : statistics.lost == 5000
            }
            try await redis.start()
            for node in nodes { try await node.cluster.waitUntilUp(within: .seconds(20)) }
            nodes[0].io.to("a").emit("end")
            var numbers: [Int] = []
            while case let event = try await remote.events.next(), event.name != "end" {
                if case .number(let number)? = event.arguments.first { numbers.append(Int(number)) }
            }
            let statistics = nodes[0].cluster.statistics
            if mode == .buffer {
                #expect(numbers == Array(statistics.dropped..<5000))
                #expect(statistics.replayed == numbers.count)
            } else {
                #expect(numbers.isEmpty)
            }
        }
    }

    @Test("many namespaces are known to the others, with short heartbeats")
    func namespaces() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(2, on: redis, namespaces: ["/"], { $0.heartbeatInterval = .milliseconds(50) }) { nodes in
            let names = (0..<200).map { "/n\($0)" }
            for node in nodes { for name in names { joinAsTold(node.io.of(name)) } }
            try await settled(nodes, namespaces: [names[0], names[120], names[199]])
            let socket = try await nodes[1].client(["a"], namespace: "/n199")
            nodes[0].io.of("/n199").to("a").emit("here")
            #expect(try await socket.next("here").name == "here")
            #expect(try await nodes[0].io.of("/n199").count() == 1)
            #expect(nodes.allSatisfy { $0.cluster.statistics.invalid == 0 })
        }
    }

    @Test("F10: a node that dies is not waited for longer than its silence")
    func deadNode() async throws {
        let redis = try await RedisServer.started()
        try await withNodes(
            2, on: redis, namespaces: ["/"],
            {
                $0.heartbeatInterval = .milliseconds(50)
                $0.peerTimeout = .milliseconds(400)
                $0.requestsTimeout = .seconds(20)
            }
        ) { nodes in
            // Says hello, never answers, never says goodbye.
            let admin = try await redis.admin()
            let subscriber = try await DeadNode(redis)
            try await admin.publish(
                "socket.io-node#", Array(#"{"type":"alive","node":"dead","tag":"dead","uids":{"/":"deadUID"}}"#.utf8))
            try await eventually("seen") { nodes[0].cluster.nodes.contains { $0.tag == "dead" } }
            let start = ContinuousClock.now
            #expect(try await nodes[0].io.adapter.allRooms().isEmpty)
            let waited = ContinuousClock.now - start
            print("F10: a dead node was waited for \(waited)")
            // 400 ms of silence and the next heartbeat; exactly in `SilentPeerTests`. The rest is for a machine that is busy.
            #expect(waited < .seconds(2))
            #expect(nodes[0].cluster.nodes.count == 1)
            await subscriber.close()
            await admin.close()
        }
    }
}
