// Part of socketio-server, MIT licence; see LICENSE.

import ClusterTesting
import HiredisNIO
import NIOCore
import ProcessTesting
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

import class RedisTesting.RedisSubscriber

/// Redis as it stands in production: behind TLS, for a user with the rights needed and no more, watched by sentinels.
@Suite("Nodes over a Redis that is guarded or replicated", .enabled(if: RedisServer.isInstalled), .serialized)
struct DeploymentTests {
    /// Everything that uses a connection: both directions, rooms, questions, what other servers hear.
    private func expectAllToWork(_ nodes: [NodeUnderTest]) async throws {
        let (first, second) = (nodes[0].io, nodes[1].io)
        let heard = Recorder<String>()
        second.sockets.on("ping") { (word: String) in heard.append(word) }
        let all = try await NumberedTraffic(count: 100, interval: .milliseconds(1)).run(nodes) { _ in }
        for streams in all { for received in streams { received.expectPerfect(100, "broadcasts") } }
        #expect(try await first.fetchSockets().count == 2)
        #expect(try await second.adapter.allRooms().contains("room"))
        #expect(try await second.count() == 2)
        first.in("room").socketsJoin("more")
        try await eventually("joined") { try await second.in("more").count() == 2 }
        try await first.serverSideEmit("ping", "hello")
        try await eventually("heard") { heard.all == ["hello"] }
        #expect(nodes.allSatisfy { $0.cluster.status == .up && $0.cluster.statistics.refused == 0 })
    }

    @Test("TLS", .enabled(if: Certificates.canBeMade), arguments: [false, true])
    func tls(withClientCertificate: Bool) async throws {
        let (certificates, others) = (try Certificates(), try Certificates())
        let path = certificates.path
        let redis = try await RedisServer.started(
            [
                "tls-cert-file \(path)/s.crt", "tls-key-file \(path)/s.key", "tls-ca-cert-file \(path)/ca.crt",
                "tls-auth-clients \(withClientCertificate ? "yes" : "no")",
            ], tls: true)
        let client = withClientCertificate ? "&certFile=\(path)/s.crt&keyFile=\(path)/s.key" : ""
        let configuration = try RedisConfiguration(
            url: "rediss://localhost:\(redis.port)?caFile=\(path)/ca.crt\(client)")
        try await withNodes(2, on: redis, namespaces: ["/"], via: { _ in configuration }) { nodes in
            try await expectAllToWork(nodes)
            // F2 over TLS: what Redis had not read is known here too.
            let admin = try await RedisAdmin(configuration)
            let all = try await NumberedTraffic(count: 300, interval: .milliseconds(1)).run(nodes) { number in
                guard number % 100 == 50 else { return }
                for extra in 0..<200 { nodes[0].io.to("elsewhere").emit("x", extra) }
                try await admin.run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            }
            await admin.close()
            for streams in all { for received in streams { received.expectPerfect(300, "F2 over TLS") } }
            #expect(nodes.allSatisfy { $0.cluster.statistics.unconfirmed == 0 })
        }
        // Somebody else's CA: the node serves its own clients, and is not up.
        let stranger = try RedisCluster(
            redis: try RedisConfiguration(url: "rediss://localhost:\(redis.port)?caFile=\(others.path)/ca.crt"))
        let node = try await NodeUnderTest.start("nod9", stranger) { joinAsTold($0.io.sockets) }
        let local = try await node.client()
        await #expect(throws: ClusterError.self) { try await stranger.waitUntilUp(within: .milliseconds(500)) }
        node.io.emit("here")
        #expect(try await local.next("here").name == "here")
        await node.io.close()
    }

    /// The rights of a user who does all that a node does. Redis compares patterns by their text, so each namespace's has
    /// to be granted as it is.
    private static let rights = [
        "resetchannels", "&socket.io*", "&socket.io#/#*", "resetkeys", "-@all", "+publish", "+subscribe", "+psubscribe",
        "+unsubscribe", "+punsubscribe", "+pubsub|numsub", "+ping",
    ]

    @Test("a user with exactly the rights needed; taken away and given back while all runs")
    func rights() async throws {
        let redis = try await RedisServer.started(["user default on >admin ~* &* +@all"])
        var owner = redis.configuration
        owner.password = "admin"
        let admin = try await RedisAdmin(owner)
        try await admin.run(words: ["ACL", "SETUSER", "io", "on", ">s3cret"] + Self.rights)
        var configuration = redis.configuration
        configuration.username = "io"
        configuration.password = "s3cret"
        let guarded = configuration
        try await withNodes(2, on: redis, namespaces: ["/"], via: { _ in guarded }) { nodes in
            try await expectAllToWork(nodes)
            // No right to publish any more: refused, counted, and the others are still heard.
            let remote = try await nodes[1].client()
            try await admin.run("ACL", "SETUSER", "io", "-publish")
            nodes[0].io.emit("refused")
            try await eventually("refused") { nodes[0].cluster.statistics.refused == 1 }
            try await admin.run("ACL", "SETUSER", "io", "+publish")
            nodes[0].io.emit("back")
            #expect(try await remote.events.next().name == "back")
            // The account is closed and opened again.
            try await admin.run("ACL", "SETUSER", "io", "off")
            try await admin.run("CLIENT", "KILL", "USER", "io")
            try await eventually("down") {
                nodes.allSatisfy { if case .down = $0.cluster.status { true } else { false } }
            }
            nodes[0].io.emit("waits")
            try await admin.run("ACL", "SETUSER", "io", "on")
            #expect(try await remote.next("waits", within: .seconds(20)).name == "waits")
            for node in nodes { try await node.cluster.waitUntilUp(within: .seconds(20)) }
        }
        await admin.close()
    }

    @Test("a right that is missing is named, the password is not")
    func missingRights() async throws {
        let redis = try await RedisServer.started()
        let admin = try await redis.admin()
        for missing in ["+subscribe", "+psubscribe", "&socket.io#/#*"] {
            let rights = Self.rights.filter { $0 != missing }
            try await admin.run(words: ["ACL", "SETUSER", "io", "reset", "on", ">s3cret"] + rights)
            var configuration = redis.configuration
            configuration.username = "io"
            configuration.password = "s3cret"
            let cluster = try RedisCluster(redis: configuration)
            let node = try await NodeUnderTest.start("nod0", cluster)
            try await eventually("\(missing) is named") {
                guard case .degraded(let reason) = cluster.status else { return false }
                return reason.contains(missing) && reason.contains("NOPERM") && !reason.contains("s3cret")
            }
            await node.io.close()
        }
        await admin.close()
    }

    @Test(
        "F7: after a failover by Sentinel both nodes are on the new primary",
        .enabled(if: RedisServer.isSentinelInstalled))
    func failover() async throws {
        let primary = try await RedisServer.started()
        let replica = try await RedisServer.started([
            "replicaof 127.0.0.1 \(primary.port)", "repl-diskless-sync-delay 0",
        ])
        var sentinels: [RedisServer] = []
        for _ in 0..<3 {
            sentinels.append(
                try await RedisServer.started(
                    [
                        "sentinel monitor mymaster 127.0.0.1 \(primary.port) 2",
                        "sentinel down-after-milliseconds mymaster 1000", "sentinel failover-timeout mymaster 5000",
                    ], sentinel: true))
        }
        try await readyToFailOver(sentinels[0], replica)
        let hosts = sentinels.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
        let configuration = try RedisConfiguration(url: "redis+sentinel://\(hosts)/mymaster")
        let vote = Recorder<ContinuousClock.Instant>()
        let watcher = RedisSubscriber(
            configuration: sentinels[1].configuration, eventLoop: MultiThreadedLoop.next(), logger: silentLogger,
            name: "watcher", handlers: RedisSubscriberHandlers { _ in vote.append(.now) })
        watcher.start()
        try await watcher.subscribe(["+switch-master"])
        try await withNodes(
            2, on: primary, namespaces: ["/"], via: { _ in configuration },
            { $0.heartbeatInterval = .milliseconds(100) }
        ) { nodes in
            let all = try await NumberedTraffic(count: 400, interval: .milliseconds(10)).run(nodes) { number in
                if number == 50 { primary.stop() }
                if number == 300 { try await eventually("a vote", within: .seconds(60)) { vote.count > 0 } }
            }
            let voted = try #require(vote.all.first)
            let recovery = [all[0][1], all[1][0]].map { $0.recovery(from: voted) }
            let statistics = nodes.map(\.cluster.statistics)
            let lost = [all[1][0].lost(of: 400).count, all[0][1].lost(of: 400).count]
            print("F7: lost \(lost), unconfirmed \(statistics.map(\.unconfirmed)), recovery \(recovery)")
            for (index, streams) in all.enumerated() {
                streams[index].expectPerfect(400, "local at \(index)")
                streams[1 - index].expectOrder("remote at \(index)")
            }
            // One second is promised; the rest is for a machine that is busy.
            #expect(recovery.allSatisfy { $0.map { $0 < .seconds(10) } ?? false })
            for (lost, statistics) in zip(lost, statistics) { #expect(lost <= statistics.unconfirmed) }
            try await eventually("up") { nodes.allSatisfy { $0.cluster.status == .up } }
            #expect(try await nodes[0].io.count() == 2)
        }
        await watcher.close()
    }

    private func readyToFailOver(_ sentinel: RedisServer, _ replica: RedisServer) async throws {
        var configuration = sentinel.configuration
        configuration.clientName = nil
        let asked = try await RedisAdmin(configuration)
        let follower = try await replica.admin()
        try await eventually("sentinels and replica know each other", within: .seconds(60)) {
            let quorum = try? await asked.run("SENTINEL", "CKQUORUM", "mymaster").stringValue
            let replicas = try? await asked.run("SENTINEL", "REPLICAS", "mymaster").arrayValue?.count
            let link = try await follower.run("INFO", "replication").stringValue
            return quorum?.contains("OK 3 usable") == true && replicas == 1
                && link?.contains("master_link_status:up") == true
        }
        await asked.close()
        await follower.close()
    }
}
