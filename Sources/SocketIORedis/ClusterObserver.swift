// Part of socketio-server, MIT licence; see LICENSE.

package import HiredisNIO
internal import Logging
package import NIOCore
package import SocketIOCluster

/// Looks at a cluster from outside: listens to the nodes' heartbeats without taking part, so that no node notices.
package enum ClusterObserver {
    /// A node as it described itself last.
    package struct ObservedNode: Sendable {
        package let node: ClusterNode
        /// How long ago its last heartbeat was heard.
        package let age: TimeAmount
    }

    /// What was seen.
    package struct Observation: Sendable {
        /// Sorted by tag and id.
        package let nodes: [ObservedNode]
        /// Nodes of this kind that Redis knows of, but that said nothing.
        package let silent: Int
        /// Servers of another kind, such as Node.js with `@socket.io/redis-adapter`, by the namespace `/`.
        package let others: Int
    }

    /// Listens until everybody that Redis knows of has been heard, or for `limit`.
    ///
    /// - Parameters:
    ///   - key: That of the nodes' ``ClusterConfiguration/key``.
    ///   - usesStreams: Whether they have ``RedisClusterConfiguration/streams``.
    ///   - isSharded: Whether they have ``RedisClusterConfiguration/sharded``.
    ///   - secret: Theirs, if they have one.
    ///   - limit: Longer than the nodes' heartbeat interval.
    ///   - patience: How long to wait for a connection.
    /// - Throws: `RedisError` when Redis cannot be used or reached.
    package static func observe(
        redis: RedisConfiguration, key: String, usesStreams: Bool = false, isSharded: Bool = false,
        secret: ForwardingKey? = nil,
        within limit: TimeAmount, patience: TimeAmount,
        eventLoop: any EventLoop
    ) async throws -> Observation {
        try redis.validate()
        let quiet = Logger(label: "socketio.peers") { _ in SwiftLogNoOpLogHandler() }
        let log = HeartbeatLog(channel: PeerMessage.channel(key: key), secret: secret)
        let tool = RedisTool(redis, isSharded: isSharded, eventLoop: eventLoop, logger: quiet) {
            log.received($0, at: .now())
        }
        do {
            try await tool.waitUntilUp(within: patience)
            let observation = try await listen(
                log, tool, key: key, hasCommonChannel: usesStreams || isSharded, within: limit)
            await tool.close()
            return observation
        } catch {
            await tool.close()
            throw error
        }
    }

    private static func listen(
        _ log: HeartbeatLog, _ tool: RedisTool, key: String, hasCommonChannel: Bool, within limit: TimeAmount
    ) async throws -> Observation {
        let requests =
            hasCommonChannel
            ? StreamChannel.channel(key: key, namespace: "/") : ChannelNames(prefix: key, namespace: "/").request
        let channels = [PeerMessage.channel(key: key), requests]
        try await tool.subscribe([channels[0]])
        let end = NIODeadline.now() + limit
        while true {
            let counts = try await tool.subscriberCounts(of: channels)
            // One of those who listen to the heartbeats is this process.
            let ours = max(0, counts[0] - 1)
            let (nodes, isComplete) = log.observation(at: .now(), expecting: ours)
            guard isComplete || .now() >= end else {
                try await Task.sleep(for: .milliseconds(50))
                continue
            }
            return Observation(
                nodes: nodes, silent: max(0, ours - nodes.count), others: max(0, counts[1] - max(ours, nodes.count)))
        }
    }
}
