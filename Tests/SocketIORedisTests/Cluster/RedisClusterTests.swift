// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import MetricTesting
import NIOCore
import ProcessTesting
import SocketIOCluster
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

/// Nodes on a real Redis Cluster of three primaries and three replicas.
@Suite("Redis Cluster", .enabled(if: RedisServer.isInstalled), .serialized, .timeLimit(.minutes(5)))
struct RedisClusterTests {
    /// Which adapter the nodes have.
    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case classic
        case sharded

        var testDescription: String { rawValue }
    }

    private func withNodes(
        _ count: Int, on redis: RedisClusterUnderTest, _ kind: Kind, mode: ShardedPubSub.SubscriptionMode = .dynamic,
        namespaces: [String] = ["/", "/chat"], _ body: ([NodeUnderTest]) async throws -> Void
    ) async throws {
        let configuration = redis.configuration
        try await SocketIORedisTests.withNodes(
            count, on: redis.servers[0], namespaces: namespaces, via: { _ in configuration },
            { if kind == .sharded { $0.sharded = ShardedPubSub(subscriptionMode: mode) } }, body)
    }

    private func withCluster(_ body: (RedisClusterUnderTest) async throws -> Void) async throws {
        let redis = try await RedisClusterUnderTest.started()
        do {
            try await body(redis)
        } catch {
            await redis.stop()
            throw error
        }
        await redis.stop()
    }

    /// The numbers that a client has got, up to and including `last`.
    private func numbers(_ socket: TestSocket, upTo last: Int) async throws -> [Int] {
        var numbers: [Int] = []
        while numbers.last != last {
            guard case .number(let number)? = try await socket.events.next(within: .seconds(30)).arguments.first else {
                continue
            }
            numbers.append(Int(number))
        }
        return numbers
    }

    private static let slot = RedisSlot.of("socket.io#/#")
    /// The primary that has the slot of the namespace `/`.
    private static let owner = 2

    @Test("The adapter contract is kept, except for the order between channels", arguments: Kind.allCases)
    func contract(kind: Kind) async throws {
        try await withCluster { redis in
            let connection = redis.configuration
            let strain: Set<AdapterContract.Strain> = kind == .sharded ? [.reordering] : []
            for (number, check) in AdapterContract.checks(for: 3, under: strain).enumerated() {
                var settings = RedisClusterConfiguration()
                settings.key = "check\(number)"
                if kind == .sharded { settings.sharded = ShardedPubSub() }
                let (cluster, clusters) = (settings, Recorder<RedisCluster>())
                var adapter = AdapterUnderTest(servers: 3) { number, configuration in
                    configuration.engine.nodeTag = "nod\(number)"
                    let part = try RedisCluster(redis: connection, configuration: cluster)
                    clusters.append(part)
                    configuration.adapter = part.adapter
                }
                adapter.waitUntilJoined = { _ in for cluster in clusters.all { try await cluster.waitForRooms() } }
                do {
                    try await check.run(adapter)
                } catch {
                    Issue.record("\(check): \(error)")
                }
            }
        }
    }

    @Test(
        "Each channel is at the primary of its slot, and servers are counted over all primaries",
        arguments: Kind.allCases)
    func placing(kind: Kind) async throws {
        try await withCluster { redis in
            try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
                try await withNodes(4, on: redis, kind) { nodes in
                    var counts: [Int] = []
                    for index in 0..<3 {
                        let command = kind == .sharded ? "SHARDNUMSUB" : "NUMSUB"
                        let channel = kind == .sharded ? "socket.io#/#" : "socket.io-request#/#"
                        let reply = try await redis.admin(index).run("PUBSUB", command, channel)
                        counts.append(Int(reply.arrayValue?.last?.integerValue ?? -1))
                    }
                    #expect(counts.reduce(0, +) == 4)
                    if kind == .sharded { #expect(counts == [0, 0, 4]) }
                    for node in nodes { #expect(try await node.io.adapter.serverCount() == 4) }
                    #expect(metrics["socketio_redis_cluster_primaries"] == 3)
                    #expect(metrics["socketio_redis_cluster_primaries_up"] == 3)
                    #expect((metrics["socketio_redis_cluster_maps_total"] ?? 0) >= 4)
                }
            }
        }
    }

    @Test("A primary dies: all is subscribed again within a second after the cluster is ok", arguments: Kind.allCases)
    func failover(kind: Kind) async throws {
        try await withCluster { redis in
            try await withNodes(3, on: redis, kind) { nodes in
                var clients: [TestSocket] = []
                for (index, node) in nodes.enumerated() { clients.append(try await node.client(["r", "r\(index)"])) }
                for node in nodes { try await node.cluster.waitForRooms() }
                nodes[0].io.emit("n", 1)
                for client in clients { #expect(try await numbers(client, upTo: 1) == [1]) }
                redis.servers[Self.owner].stop()
                nodes[0].io.emit("n", 2)
                // Delivery here does not wait.
                #expect(try await numbers(clients[0], upTo: 2) == [2])
                try await eventually("the replica has the slot", within: .seconds(30)) {
                    try await redis.owner(of: Self.slot) == Self.owner + 3
                }
                try await eventually("the cluster is ok", within: .seconds(30)) {
                    for index in [0, 1, 5] where try await !redis.isOK(index) { return false }
                    return true
                }
                let start = ContinuousClock.now
                try await eventually("all nodes are up again") { nodes.allSatisfy { $0.cluster.status == .up } }
                for node in nodes {
                    try await eventually("all servers are counted") {
                        (try? await node.io.adapter.serverCount()) == nodes.count
                    }
                }
                let duration = ContinuousClock.now - start
                #expect(duration <= .seconds(1))
                for number in 3...50 { nodes[0].io.emit("n", number) }
                for number in 51...100 { nodes[0].io.to("r").emit("n", number) }
                for client in clients {
                    let heard = try await numbers(client, upTo: 100)
                    #expect(Set(heard).isSuperset(of: Array(3...100)) && Set(heard).count == heard.count)
                }
                #expect(try await nodes[1].io.fetchSockets().count == 3)
                for node in nodes {
                    let statistics = node.cluster.statistics
                    #expect(statistics.lost == 0 && statistics.dropped == 0 && statistics.refused == 0)
                }
            }
        }
    }

    @Test("A slot moves under load: nothing is lost, nothing comes twice")
    func resharding() async throws {
        try await withCluster { redis in
            try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
                try await withNodes(3, on: redis, .sharded) { nodes in
                    var clients: [TestSocket] = []
                    for node in nodes { clients.append(try await node.client(["r"])) }
                    for node in nodes { try await node.cluster.waitForRooms() }
                    let roomSlot = RedisSlot.of("socket.io#/#r#")
                    let roomOwner = try #require(try await redis.owner(of: roomSlot))
                    // Numbers from 100,000 on go to the room.
                    let sending = Task {
                        for number in 1...2_000 {
                            nodes[0].io.emit("n", number)
                            nodes[0].io.to("r").emit("n", 100_000 + number)
                            if number % 20 == 0 { try await Task.sleep(for: .milliseconds(10)) }
                        }
                    }
                    for (slot, owner) in [(Self.slot, Self.owner), (roomSlot, roomOwner)] {
                        try await redis.move(slot, from: owner, to: (owner + 1) % 3)
                        try await redis.move(slot, from: (owner + 1) % 3, to: (owner + 2) % 3)
                    }
                    try await sending.value
                    try await eventually("all nodes are up again", within: .seconds(30)) {
                        nodes.allSatisfy { $0.cluster.status == .up }
                    }
                    try await eventually("nothing waits", within: .seconds(20)) {
                        nodes[0].cluster.statistics.published >= 4_000
                    }
                    nodes[0].io.emit("n", 2_001)
                    nodes[0].io.to("r").emit("n", 102_001)
                    for client in clients {
                        var (all, room): ([Int], [Int]) = ([], [])
                        while all.last != 2_001 || room.last != 102_001 {
                            let event = try await client.events.next(within: .seconds(20))
                            guard case .number(let number)? = event.arguments.first else { continue }
                            if number < 100_000 { all.append(Int(number)) } else { room.append(Int(number)) }
                        }
                        #expect(all == Array(1...2_001))
                        #expect(room == Array(100_001...102_001))
                    }
                    #expect((metrics["socketio_redis_cluster_redirections_total"] ?? 0) > 0)
                    let statistics = nodes[0].cluster.statistics
                    #expect(statistics.unconfirmed == 0 && statistics.lost == 0 && statistics.dropped == 0)
                }
            }
        }
    }

    @Test("A replica takes over in agreement with its primary: subscriptions follow")
    func manualFailover() async throws {
        try await withCluster { redis in
            try await withNodes(2, on: redis, .sharded) { nodes in
                let client = try await nodes[1].client(["r"])
                try await nodes[1].cluster.waitForRooms()
                try await redis.admin(Self.owner + 3).run("CLUSTER", "FAILOVER")
                try await eventually("the replica has the slot", within: .seconds(20)) {
                    try await redis.owner(of: Self.slot) == Self.owner + 3
                }
                try await eventually("both listen at the new primary", within: .seconds(20)) {
                    let reply = try await redis.admin(Self.owner + 3).run("PUBSUB", "SHARDNUMSUB", "socket.io#/#")
                    return reply.arrayValue?.last?.integerValue == 2
                }
                try await eventually("up") { nodes.allSatisfy { $0.cluster.status == .up } }
                for number in 1...100 { nodes[0].io.emit("n", number) }
                #expect(try await numbers(client, upTo: 100) == Array(1...100))
            }
        }
    }

    @Test("A seed that is down, and a server that is in no cluster, are told apart")
    func seeds() async throws {
        let single = try await RedisServer.started()
        let lonely = try RedisCluster(
            redis: RedisConfiguration(endpoint: .cluster([RedisHost(host: "127.0.0.1", port: single.port)])),
            configuration: RedisClusterConfiguration())
        let alone = try await NodeUnderTest.start("nodX", lonely)
        try await eventually("the reason is told, not \(alone.cluster.status)") {
            alone.cluster.status.description.contains("cluster support disabled")
        }
        await alone.io.close()
        try await withCluster { redis in
            let dead = try RedisServer.freePort()
            var configuration = RedisClusterConfiguration()
            configuration.sharded = ShardedPubSub()
            let cluster = try RedisCluster(
                redis: RedisConfiguration(
                    endpoint: .cluster([
                        RedisHost(host: "127.0.0.1", port: dead),
                        RedisHost(host: "127.0.0.1", port: redis.servers[4].port),
                    ])), configuration: configuration)
            let node = try await NodeUnderTest.start("nodY", cluster)
            try await node.cluster.waitUntilUp(within: .seconds(10))
            await node.io.close()
        }
    }
}
