// Part of socketio-server, MIT licence; see LICENSE.

package import HiredisNIO
package import Logging
package import NIOCore

/// Two connections to Redis: one for commands, one for subscriptions. Lives on its event loop.
package final class RedisTransport: PubSubTransport {
    package let eventLoop: any EventLoop
    private let configuration: RedisConfiguration
    private let logger: Logger
    /// What `subscribe` and `subscriberCounts` mean by a channel.
    private let kind: RedisSubscriptionKind
    private let relay = Relay()
    /// In a Redis Cluster its primaries, all of which have subscribers.
    private let nodes: RedisClusterNodes?
    private let client: RedisClientCore
    private let subscriber: RedisSubscriberCore

    /// What the connections tell, passed on. A class of its own, because the connections are made with it.
    private final class Relay {
        weak var delegate: (any PubSubTransportDelegate)?
        weak var nodes: RedisClusterNodes?
        private var map: RedisSlotMap?
        private var isComplete = false

        /// The servers of the cluster, or what is known of them, may have changed.
        func look() {
            guard let nodes else { return }
            let wasComplete = isComplete
            isComplete = nodes.reasonForTrouble == nil
            guard isComplete, !wasComplete || nodes.map != map else { return }
            map = nodes.map
            delegate?.serversChanged()
        }
    }

    /// - Parameter isSharded: Whether channels are those of sharded publish/subscribe.
    package init(
        configuration: RedisConfiguration, isSharded: Bool = false, eventLoop: any EventLoop, logger: Logger
    ) {
        self.eventLoop = eventLoop
        kind = isSharded ? .sharded : .channel
        self.configuration = configuration
        self.logger = logger
        let relay = relay
        var nodeHandlers = RedisClusterNodes.Handlers()
        nodeHandlers.onMap = { relay.look() }
        nodeHandlers.onLink = { _ in relay.look() }
        nodes =
            if case .cluster(let hosts) = configuration.endpoint {
                RedisClusterNodes(
                    hosts, configuration: configuration, eventLoop: eventLoop, logger: logger,
                    handlers: nodeHandlers)
            } else { nil }
        relay.nodes = nodes
        var clientHandlers = RedisClientHandlers()
        clientHandlers.onState = {
            guard let (isUp, reason) = Self.describe($0, isUsableDegraded: true) else { return }
            relay.delegate?.publisherChanged(isUp: isUp, reason: reason)
        }
        clientHandlers.onRoom = { relay.delegate?.publisherHasRoom() }
        clientHandlers.onPublished = { _, outcome in relay.delegate?.published(TransportOutcome(outcome)) }
        var subscriberHandlers = RedisSubscriberHandlers {
            relay.delegate?.received($0.payload, channel: $0.channel, pattern: $0.pattern)
        }
        subscriberHandlers.onState = {
            // Degraded, it may hear nothing: a subscription was refused, or Redis does not answer.
            guard let (isUp, reason) = Self.describe($0, isUsableDegraded: false) else { return }
            relay.delegate?.subscriberChanged(isUp: isUp, reason: reason)
        }
        subscriberHandlers.onOversized = { relay.delegate?.receivedOversized() }
        client = RedisClientCore(
            configuration: configuration, nodes: nodes, eventLoop: eventLoop, logger: logger, name: "publish",
            handlers: clientHandlers)
        subscriber = RedisSubscriberCore(
            configuration: configuration, nodes: nodes, eventLoop: eventLoop, logger: logger, name: "subscribe",
            handlers: subscriberHandlers)
    }

    private static func describe(
        _ state: RedisLinkState, isUsableDegraded: Bool
    ) -> (isUp: Bool, reason: String)? {
        switch state {
        case .connecting: nil
        case .up: (true, "")
        case .degraded(let reason): (isUsableDegraded, reason)
        case .down(let reason): (false, reason)
        case .closed: (false, "closed")
        }
    }

    // MARK: PubSubTransport

    package func start(_ delegate: any PubSubTransportDelegate) {
        relay.delegate = delegate
        nodes?.start()
        client.start()
        subscriber.start()
    }

    package var isOneServer: Bool { nodes == nil }
    package var localAddress: String? { client.localAddress?.ipAddress }

    package func close() {
        subscriber.close()
        client.close()
        nodes?.close()
    }

    package func publish(_ message: RedisPublish) -> TransportAdmission {
        switch client.publish(message) {
        case .accepted: .accepted
        case .notConnected: .notConnected
        case .full: .full
        }
    }

    package func subscribe(
        channels: [String], patterns: [String], _ done: @escaping (Result<Void, any Error>) -> Void
    ) {
        let futures =
            patterns.map { subscribe($0, kind: .pattern) } + channels.map { subscribe($0, kind: kind) }
        EventLoopFuture.andAllSucceed(futures, on: eventLoop).assumeIsolated().whenComplete(done)
    }

    private func subscribe(_ channel: String, kind: RedisSubscriptionKind) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        subscriber.subscribe(channel, kind: kind) { promise.completeWith($0.mapError { $0 }) }
        return promise.futureResult
    }

    package func unsubscribe(channels: [String], patterns: [String]) {
        for pattern in patterns { subscriber.unsubscribe(pattern, kind: .pattern) { _ in } }
        for channel in channels { subscriber.unsubscribe(channel, kind: kind) { _ in } }
    }

    package func execute(
        _ command: RESPCommand, patience: TimeAmount, _ done: @escaping (Result<RESPValue, any Error>) -> Void
    ) {
        client.send(command, whenDown: .wait(patience)) { done($0.mapError { $0 }) }
    }

    package func execute(
        _ command: RESPCommand, key: String, patience: TimeAmount,
        _ done: @escaping (Result<RESPValue, any Error>) -> Void
    ) {
        guard let nodes else { return execute(command, patience: patience, done) }
        guard let host = nodes.map?.owner(of: RedisSlot.of(key)), let client = nodes.client(of: host) else {
            let reason = nodes.trouble ?? "the slots of the Redis Cluster are not known yet"
            return done(.failure(RedisError(.notConnected, reason)))
        }
        // Soon another server may have the slot.
        client.send(command, whenDown: .wait(min(patience, Self.slotPatience))) { [weak nodes] result in
            if case .failure(let error) = result {
                if let redirection = error.redirection {
                    nodes?.moved(redirection, from: host)
                } else if [.loading, .notPrimary, .notConnected, .connectionLost, .notSent].contains(error.code) {
                    nodes?.refresh()
                }
            }
            done(result.mapError { $0 })
        }
    }

    /// How long a command waits for the server of its slot.
    private static let slotPatience = TimeAmount.milliseconds(200)

    package func makeReader(
        of stream: String, pageSize: Int, _ handlers: RedisStreamReader.Handlers
    ) -> any StreamReading {
        RedisStreamReader(
            stream: stream, configuration: configuration, eventLoop: eventLoop, logger: logger, pageSize: pageSize,
            handlers: handlers)
    }

    package func subscriberCounts(
        of channels: [String], _ done: @escaping (Result<[Int], any Error>) -> Void
    ) {
        if let nodes {
            // A primary that is lost has lost its subscribers.
            return nodes.subscriberCounts(of: channels, kind, needsAll: false) { done($0.mapError { $0 }) }
        }
        client.subscriberCounts(of: channels, kind) { done($0.mapError { $0 }) }
    }
}

extension TransportOutcome {
    init(_ outcome: PublishOutcome) {
        switch outcome {
        case .delivered(let receivers): self = .delivered(receivers)
        case .appended(let id): self = .appended(id)
        case .refused(let error): self = .refused(error)
        case .notSent: self = .notSent
        case .unknown(let serverEnded): self = .unknown(serverEnded: serverEnded)
        }
    }
}
