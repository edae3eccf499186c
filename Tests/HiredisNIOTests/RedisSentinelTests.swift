// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import NIOPosix
import ProcessTesting
import Testing

@testable import HiredisNIO

/// One primary, one replica, three sentinels.
@Suite("Redis Sentinel", .serialized, .timeLimit(.minutes(3)))
struct RedisSentinelTests {
    @Test("After a failover both links are on the new primary")
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
        let first = try await sentinels[0].admin { $0.clientName = nil }
        try await eventually("sentinels and replica know each other", within: .seconds(60)) {
            let ready = try? await first.run("SENTINEL CKQUORUM", "mymaster").stringValue
            let replicas = try? await first.run("SENTINEL REPLICAS", "mymaster").arrayValue?.count
            let link = try? await replica.admin().run("INFO", "replication").stringValue
            return ready?.contains("OK 3 usable") == true && replicas == 1
                && link?.contains("master_link_status:up") == true
        }
        // The first in the list does not exist: the others are asked.
        let nobody = try RedisServer.freePort()
        let hosts = ["127.0.0.1:\(nobody)"] + sentinels.map { "127.0.0.1:\($0.port)" }
        let configuration = try RedisConfiguration(
            url: "redis+sentinel://\(hosts.joined(separator: ","))/mymaster")
        let subscription = try await Subscription(configuration, channels: ["a"])
        let publisher = try await Publisher(configuration)
        #expect(try await publisher.client.publish(ByteBuffer(string: "before"), to: "a") == 1)

        // When the vote is over, as a sentinel says itself.
        let vote = Recorder<ContinuousClock.Instant>()
        let watcher = RedisSubscriber(
            configuration: sentinels[2].configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: silentLogger, handlers: RedisSubscriberHandlers { _ in vote.append(.now) })
        watcher.start()
        try await watcher.subscribe(["+switch-master"])
        primary.stop()
        try await eventually("a vote", within: .seconds(60)) { vote.count > 0 }
        try await eventually("delivery over the new primary", within: .seconds(20)) {
            (try? await publisher.client.publish(ByteBuffer(string: "after"), to: "a")) == 1
        }
        let voted = try #require(vote.values.first)
        // One second is the promise; the rest is for a machine that is busy.
        #expect(ContinuousClock.now - voted < .seconds(3))
        try await eventually("the message") { subscription.messages.values.last == "a after" }
        #expect(
            try await publisher.client.run("CONFIG GET", "port").arrayValue?.last?.integerValue == Int64(replica.port))
        #expect(subscription.outages.count == 1)
    }

    @Test("A link leaves a server that has become a replica, though nobody has told")
    func demoted() async throws {
        let (primary, other) = (try await RedisServer.started(), try await RedisServer.started())
        let sentinel = try await RedisServer.started(
            ["sentinel monitor m 127.0.0.1 \(primary.port) 2"], sentinel: true)
        var configuration = try RedisConfiguration(url: "redis+sentinel://127.0.0.1:\(sentinel.port)/m")
        configuration.pingInterval = .milliseconds(300)
        let client = RedisClient(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: silentLogger)
        let subscriber = RedisSubscriber(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: silentLogger,
            handlers: RedisSubscriberHandlers { _ in })
        let links: [any RedisEndpoint] = [client, subscriber]
        client.start()
        subscriber.start()
        for link in links {
            try await link.waitUntilUp(within: .seconds(20))
        }
        let admin = try await primary.admin()
        _ = try await admin.run("REPLICAOF", "127.0.0.1", "\(other.port)")
        let began = ContinuousClock.now
        try await eventually("both are down", within: .seconds(20)) {
            links.allSatisfy { if case .down(let reason) = $0.state { reason.contains("notPrimary") } else { false } }
        }
        print("a replica was left after \(ContinuousClock.now - began)")
        _ = try await admin.run("REPLICAOF", "NO", "ONE")
        let ended = ContinuousClock.now
        for link in links { try await link.waitUntilUp(within: .seconds(20)) }
        print("a primary was taken after \(ContinuousClock.now - ended)")
        #expect(ContinuousClock.now - ended < .seconds(5))
        for link in links { await link.close() }
    }

    @Test("Sentinels that do not answer, or do not know the name, are named in the reason")
    func unknownName() async throws {
        let sentinel = try await RedisServer.started(["sentinel monitor other 127.0.0.1 1 2"], sentinel: true)
        let nobody = try RedisServer.freePort()
        let configuration = try RedisConfiguration(
            url: "redis+sentinel://127.0.0.1:\(nobody),127.0.0.1:\(sentinel.port)/mymaster")
        let client = RedisClient(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: silentLogger)
        client.start()
        try await eventually("the reason") {
            guard case .down(let reason) = client.state else { return false }
            return reason.contains("'mymaster'") && reason.contains("127.0.0.1:\(nobody)")
                && reason.contains("does not know the name")
        }
        await client.close()
    }

    @Test("A replica named as the primary is refused, again and again, until it is one")
    func replica() async throws {
        let primary = try await RedisServer.started()
        let replica = try await RedisServer.started(["replicaof 127.0.0.1 \(primary.port)"])
        let sentinel = try await RedisServer.started(["sentinel monitor m 127.0.0.1 \(replica.port) 2"], sentinel: true)
        let configuration = try RedisConfiguration(url: "redis+sentinel://127.0.0.1:\(sentinel.port)/m")
        let states = Recorder<RedisLinkState>()
        var handlers = RedisClientHandlers()
        handlers.onState = { states.append($0) }
        let client = RedisClient(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: silentLogger, handlers: handlers)
        client.start()
        try await eventually("the reason") {
            if case .down(let reason) = client.state { reason.contains("notPrimary") } else { false }
        }
        let admin = try await replica.admin()
        try await eventually("more attempts") {
            let info = try await admin.run("INFO", "stats").stringValue ?? ""
            let match = info.firstMatch(of: /total_connections_received:(\d+)/)
            return match.flatMap { Int($0.1) } ?? 0 > 10
        }
        #expect(!states.values.contains(.up), "\(states.values)")
        guard case .down = client.state else { throw TestFailure("\(client.state)") }
        _ = try await admin.run("REPLICAOF", "NO", "ONE")
        try await client.waitUntilUp(within: .seconds(20))
        #expect(try await client.run("CONFIG GET", "port").arrayValue?.last?.integerValue == Int64(replica.port))
        await client.close()
    }
}
