// Part of socketio-server, MIT licence; see LICENSE.

import NIOConcurrencyHelpers
import ProcessTesting
import SocketIORedis
import SocketIOServer
import SocketIOTesting
import Testing

/// The adapter contract, which `SocketIOClusterTests` runs on other adapters, on a real Redis.
@Suite("Adapter contract over Redis", .enabled(if: RedisServer.isInstalled), .serialized)
struct ContractTests {
    @Test("classic publish/subscribe", arguments: AdapterContract.checks(for: 3))
    func pubSub(check: AdapterContract.Check) async throws {
        try await run(check, RedisClusterConfiguration())
    }

    @Test("streams", arguments: AdapterContract.checks(for: 3))
    func streams(check: AdapterContract.Check) async throws {
        var configuration = RedisClusterConfiguration()
        configuration.streams = RedisStreams()
        try await run(check, configuration)
    }

    @Test(
        "sharded publish/subscribe", arguments: AdapterContract.checks(for: 3), ShardedPubSub.SubscriptionMode.allCases)
    func sharded(check: AdapterContract.Check, mode: ShardedPubSub.SubscriptionMode) async throws {
        var configuration = RedisClusterConfiguration()
        configuration.sharded = ShardedPubSub(subscriptionMode: mode)
        try await run(check, configuration)
    }

    private func run(_ check: AdapterContract.Check, _ cluster: RedisClusterConfiguration) async throws {
        let redis = try await RedisServer.started()
        let connection = redis.configuration
        let clusters = Recorder<RedisCluster>()
        var adapter = AdapterUnderTest(servers: 3) { number, configuration in
            configuration.engine.nodeTag = "nod\(number)"
            let part = try RedisCluster(redis: connection, configuration: cluster)
            clusters.append(part)
            configuration.adapter = part.adapter
        }
        adapter.waitUntilJoined = { _ in for cluster in clusters.all { try await cluster.waitForRooms() } }
        try await check.run(adapter)
    }
}
