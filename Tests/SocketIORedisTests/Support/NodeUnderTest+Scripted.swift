// Part of socketio-server, MIT licence; see LICENSE.

import Logging
import NIOConcurrencyHelpers
import NIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

extension NodeUnderTest {
    /// Runs `body` with one node whose Redis the test plays. The configuration begins with heartbeats that never come due.
    static func runScripted(
        _ change: (inout RedisClusterConfiguration) -> Void, logger: Logger = silentLogger,
        setUp: (NodeUnderTest) throws -> Void,
        _ body: (NodeUnderTest, ScriptedTransport, ClusterAdapter) async throws -> Void
    ) async throws {
        var configuration = RedisClusterConfiguration()
        configuration.heartbeatInterval = .seconds(3_600)
        configuration.peerTimeout = .seconds(7_200)
        change(&configuration)
        let holder = NIOLockedValueBox<ScriptedTransport?>(nil)
        let cluster = try RedisCluster(configuration: configuration) { eventLoop, _ in
            let transport = ScriptedTransport(eventLoop: eventLoop)
            holder.withLockedValue { $0 = transport }
            return transport
        }
        let node = try await NodeUnderTest.start("nod0", cluster, logger: logger, setUp)
        let transport = try #require(holder.withLockedValue { $0 })
        let adapter = try #require(node.io.adapter as? ClusterAdapter)
        try await eventually("subscribed") { transport.with { $0.patterns.count == 1 && $0.channels.count == 5 } }
        do {
            try await body(node, transport, adapter)
        } catch {
            await node.io.close()
            throw error
        }
        await node.io.close()
    }
}
