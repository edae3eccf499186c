// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOServer
package import HiredisNIO
internal import Logging
package import NIOCore
package import SocketIOCluster
internal import SocketIOCore

/// Looks at a cluster from outside: listens to the nodes' heartbeats without taking part, so that no node notices.
package enum ClusterObserver {
    /// A node as it described itself last.
    package struct Sighting: Sendable {
        package let node: ClusterNode
        /// How long ago its last heartbeat was heard.
        package let age: TimeAmount
    }

    /// What was seen.
    package struct Picture: Sendable {
        /// Sorted by tag and id.
        package let nodes: [Sighting]
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
    ///   - secret: Theirs, if they have one.
    ///   - limit: Longer than the nodes' heartbeat interval.
    ///   - patience: How long to wait for a connection.
    /// - Throws: `RedisError` when Redis cannot be used or reached.
    package static func look(
        redis: RedisConfiguration, key: String, usesStreams: Bool = false, secret: ForwardingKey? = nil,
        within limit: TimeAmount, patience: TimeAmount,
        eventLoop: any EventLoop
    ) async throws -> Picture {
        try redis.validate()
        let quiet = Logger(label: "socketio.peers") { _ in SwiftLogNoOpLogHandler() }
        let log = HeartbeatLog(channel: PeerMessage.channel(key: key), secret: secret)
        let subscriber = RedisSubscriber(
            configuration: redis, eventLoop: eventLoop, logger: quiet, name: "peers",
            handlers: RedisSubscriberHandlers { log.received($0.payload, at: .now()) })
        let client = RedisClient(configuration: redis, eventLoop: eventLoop, logger: quiet, name: "peers")
        client.start()
        subscriber.start()
        do {
            try await client.waitUntilUp(within: patience)
            try await subscriber.waitUntilUp(within: patience)
            let picture = try await listen(
                log, client, subscriber, key: key, usesStreams: usesStreams, within: limit)
            await subscriber.close()
            await client.close()
            return picture
        } catch {
            await subscriber.close()
            await client.close()
            throw error
        }
    }

    private static func listen(
        _ log: HeartbeatLog, _ client: RedisClient, _ subscriber: RedisSubscriber, key: String,
        usesStreams: Bool, within limit: TimeAmount
    ) async throws -> Picture {
        let requests =
            usesStreams
            ? StreamChannel.channel(key: key, namespace: "/") : ChannelNames(prefix: key, namespace: "/").request
        let channels = [PeerMessage.channel(key: key), requests]
        try await subscriber.subscribe([channels[0]])
        let end = NIODeadline.now() + limit
        while true {
            let counts = try await subscribers(of: channels, client)
            // One of those who listen to the heartbeats is this process.
            let ours = max(0, counts[0] - 1)
            let (nodes, isComplete) = log.picture(at: .now(), expecting: ours)
            guard isComplete || .now() >= end else {
                try await Task.sleep(for: .milliseconds(50))
                continue
            }
            return Picture(
                nodes: nodes, silent: max(0, ours - nodes.count), others: max(0, counts[1] - max(ours, nodes.count)))
        }
    }

    private static func subscribers(of channels: [String], _ client: RedisClient) async throws -> [Int] {
        let reply = try await client.execute(RESPCommand("PUBSUB NUMSUB", arguments: channels))
        // Names and numbers take turns.
        let values = reply.arrayValue ?? []
        return channels.indices.map { index in
            guard 2 * index + 1 < values.count else { return 0 }
            return Int(truncatingIfNeeded: values[2 * index + 1].integerValue ?? 0)
        }
    }
}
