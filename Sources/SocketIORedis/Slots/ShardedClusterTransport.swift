// Part of socketio-server, MIT licence; see LICENSE.

package import HiredisNIO
package import Logging
package import NIOCore

/// Sharded publish/subscribe on a Redis Cluster: each channel is published and subscribed to at the primary of its slot.
/// Lives on its event loop.
///
///     publish ──▶ SlotPublisher ──▶ a connection to each primary
///     handlers ◀── SlotSubscriptions ◀── a connection to each primary with channels
///                        └── RedisClusterNodes: who has which slots ──┘
package final class ShardedClusterTransport: PubSubTransport {
    package let eventLoop: any EventLoop
    private let nodes: RedisClusterNodes
    private let publisher: SlotPublisher
    private let subscriptions: SlotSubscriptions

    package var isOneServer: Bool { false }
    package var localAddress: String? { nodes.localAddress?.ipAddress }

    package init(
        _ hosts: [RedisHost], configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger
    ) {
        self.eventLoop = eventLoop
        let relay = Relay()
        var handlers = RedisClusterNodes.Handlers()
        handlers.onMap = {
            relay.publisher?.clusterChanged()
            relay.subscriptions?.clusterChanged()
        }
        handlers.onLink = { relay.publisher?.linkChanged($0) }
        handlers.onPublished = { relay.publisher?.settled($0, $1, TransportOutcome($2)) }
        handlers.onRoom = { relay.publisher?.hasRoom() }
        nodes = RedisClusterNodes(
            hosts, configuration: configuration, eventLoop: eventLoop, logger: logger, handlers: handlers)
        publisher = SlotPublisher(nodes)
        subscriptions = SlotSubscriptions(nodes, logger: logger)
        relay.publisher = publisher
        relay.subscriptions = subscriptions
    }

    /// Passes on what the nodes tell; a class of its own, because they are made with it.
    private final class Relay {
        weak var publisher: SlotPublisher?
        weak var subscriptions: SlotSubscriptions?
    }

    package func start(_ delegate: any PubSubTransportDelegate) {
        publisher.delegate = delegate
        subscriptions.delegate = delegate
        nodes.start()
    }

    package func close() {
        subscriptions.close()
        publisher.close()
        nodes.close()
    }

    package func publish(_ message: RedisPublish) -> TransportAdmission { publisher.publish(message) }

    package func subscribe(
        channels: [String], patterns: [String], _ done: @escaping (Result<Void, any Error>) -> Void
    ) {
        guard patterns.isEmpty else {
            return done(.failure(RedisError(.configuration, "there are no patterns of sharded channels")))
        }
        subscriptions.subscribe(channels, done)
    }

    package func unsubscribe(channels: [String], patterns: [String]) { subscriptions.unsubscribe(channels) }

    package func subscriberCounts(of channels: [String], _ done: @escaping (Result<[Int], any Error>) -> Void) {
        nodes.subscriberCounts(of: channels, .sharded, needsAll: true) { done($0.mapError { $0 }) }
    }

    package func execute(
        _ command: RESPCommand, patience: TimeAmount, _ done: @escaping (Result<RESPValue, any Error>) -> Void
    ) {
        done(.failure(RedisError(.configuration, "sharded publish/subscribe uses no keys")))
    }

    package func makeReader(
        of stream: String, pageSize: Int, _ handlers: RedisStreamReader.Handlers
    ) -> any StreamReading {
        NoReader()
    }

    /// Sharded publish/subscribe has no streams.
    private final class NoReader: StreamReading {
        func start() {}
        func close() {}
    }
}
