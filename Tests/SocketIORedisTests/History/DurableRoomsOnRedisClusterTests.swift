// Part of socketio-server, MIT licence; see LICENSE.

import HiredisNIO
import ProcessTesting
import SocketIOCore
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

/// Rooms with a history on a real Redis Cluster of three primaries and three replicas.
@Suite(
    "Rooms with a history on a Redis Cluster", .enabled(if: RedisServer.isInstalled), .serialized,
    .timeLimit(.minutes(5)))
struct DurableRoomsOnRedisClusterTests {
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

    private static func limits(_ namespace: String, _ room: String) -> RoomHistoryLimits? {
        room == "small" ? RoomHistoryLimits(maxEvents: 100, maxBytes: 65_536) : RoomHistoryLimits()
    }

    @Test("The contract of durable rooms is kept")
    func contract() async throws {
        try await withCluster { redis in
            let connection = redis.configuration
            for (number, check) in AdapterContract.durableRooms.enumerated() {
                let adapter = AdapterUnderTest(servers: 3) { index, configuration in
                    configuration.engine.nodeTag = "nod\(index)"
                    configuration.durableRooms = DurableRooms()
                    configuration.durableRooms?.limitsOfRoom = Self.limits
                    var settings = RedisClusterConfiguration()
                    settings.key = "check\(number)"
                    configuration.adapter = try RedisCluster(redis: connection, configuration: settings).adapter
                }
                do {
                    try await check.run(adapter)
                } catch {
                    Issue.record("\(check): \(error)")
                }
            }
        }
    }

    private func withNodes(
        _ redis: RedisClusterUnderTest, _ body: ([Server], [TestSocket]) async throws -> Void
    ) async throws {
        var (servers, members): ([Server], [TestSocket]) = ([], [])
        do {
            for number in 0..<2 {
                var configuration = ServerConfiguration()
                configuration.logger = silentLogger
                configuration.engine.logger = silentLogger
                configuration.engine.nodeTag = "nod\(number)"
                configuration.durableRooms = DurableRooms()
                let cluster = try RedisCluster(redis: redis.configuration)
                configuration.adapter = cluster.adapter
                let io = Server(configuration: configuration)
                servers.append(io)
                io.onConnection { socket async throws in try await socket.replay("r", since: .beginning) }
                let port = try #require(try await io.listen()?.port)
                try await cluster.waitUntilUp(within: .seconds(20))
                members.append(try await SocketTestClient.connect(to: ServerAddress(port: port)).join())
            }
            try await body(servers, members)
        } catch {
            for server in servers { await server.close() }
            throw error
        }
        for server in servers { await server.close() }
    }

    private static let state = "socket.io-room:{1:/r}:state"

    /// Sends the numbers and waits for each to be kept, however often that fails meanwhile.
    private func keep(_ numbers: ClosedRange<Int>, _ servers: [Server]) async throws {
        for number in numbers {
            try await eventually("\(number) is kept", within: .seconds(30)) {
                let newest = try? await servers[0].history(of: "r", limit: 1).events.last?.arguments.decode(Int.self)
                if newest == number { return true }
                guard newest == nil && number == 1 || newest == number - 1 else { return false }
                return (try? await servers[number % 2].to("r").durable.emit("n", number)) != nil
            }
        }
    }

    private func expect(_ numbers: ClosedRange<Int>, _ members: [TestSocket]) async throws {
        for member in members {
            for number in numbers {
                #expect(try await member.next("n").arguments.first == .number(Double(number)))
            }
        }
    }

    @Test("The primary of a room's slot dies: its replica goes on with the same numbers, and nothing is missing")
    func failover() async throws {
        try await withCluster { redis in
            try await withNodes(redis) { servers, members in
                try await keep(1...20, servers)
                try await expect(1...20, members)
                let owner = try #require(try await redis.owner(of: RedisSlot.of(Self.state)))
                let replica = redis.admin(owner + 3)
                try await replica.run("READONLY")
                try await eventually("the replica has everything") {
                    try await replica.run("XLEN", "socket.io-room:{1:/r}:events").integerValue == 20
                }
                redis.servers[owner].stop()
                try await keep(21...40, servers)
                try await expect(21...40, members)
                let page = try await servers[1].history(of: "r", limit: 100)
                #expect(page.events.map(\.position.number) == Array(1...40))
                #expect(Set(page.events.map(\.position.epoch)).count == 1)
            }
        }
    }

    @Test("A room's slot moves with its keys under traffic: nothing is missing, nothing comes twice")
    func resharding() async throws {
        try await withCluster { redis in
            try await withNodes(redis) { servers, members in
                try await keep(1...10, servers)
                async let sending: Void = keep(11...80, servers)
                let slot = RedisSlot.of(Self.state)
                for _ in 1...2 {
                    let source = try #require(try await redis.owner(of: slot))
                    try await redis.moveKeys(slot, from: source, to: (source + 1) % 3)
                }
                try await sending
                try await expect(1...80, members)
            }
        }
    }

    @Test("With sharded publish/subscribe the refusal names what to change")
    func sharded() async throws {
        try await withCluster { redis in
            var settings = RedisClusterConfiguration()
            settings.sharded = ShardedPubSub()
            var configuration = ServerConfiguration()
            configuration.durableRooms = DurableRooms()
            configuration.adapter = try RedisCluster(redis: redis.configuration, configuration: settings).adapter
            let io = Server(configuration: configuration)
            let error = await #expect(throws: SocketError.self) { try await io.to("r").durable.emit("n", 1) }
            #expect(error?.code == .notSupported && error?.message.contains("adapter: redis ") == true)
            await io.close()
        }
    }
}
