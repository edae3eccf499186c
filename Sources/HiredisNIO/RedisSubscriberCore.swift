// Part of socketio-server, MIT licence; see LICENSE.

package import Logging
package import NIOCore

/// A connection to Redis for subscriptions that comes back by itself and subscribes to everything again before it says that it is
/// up. Lives on one event loop.
package final class RedisSubscriberCore: RedisEndpointCore {
    package typealias Waiter = (Result<Void, RedisError>) -> Void
    private typealias Table = SubscriptionTable<Waiter>

    private let link: RedisLink
    private let handlers: RedisSubscriberHandlers
    private let logger: Logger
    private var table = Table()
    /// Subscriptions of a new connection that are not answered yet; they are answered before any later one.
    private var restoring = 0
    private var outages = OutageRecord()
    private var receivedInRead = 0

    /// Makes a subscriber for the event loop that the caller is on, or will be when it uses it. It is to be closed by its
    /// owner.
    ///
    /// - Parameter name: names the link in logs and metrics.
    /// - Parameter nodes: In a Redis Cluster, whose primaries it connects to.
    /// - Parameter stateBox: tells other threads the state.
    package convenience init(
        configuration: RedisConfiguration, nodes: RedisClusterNodes? = nil, eventLoop: any EventLoop, logger: Logger,
        name: String, stateBox: RedisStateBox = RedisStateBox(), handlers: RedisSubscriberHandlers
    ) {
        self.init(
            configuration: configuration,
            resolver: nodes.map { AnyPrimary($0) } ?? configuration.makeResolver(logger: logger), eventLoop: eventLoop,
            logger: logger, name: name, stateBox: stateBox, handlers: handlers)
    }

    init(
        configuration: RedisConfiguration, resolver: any RedisAddressResolver, eventLoop: any EventLoop,
        logger: Logger, name: String, stateBox: RedisStateBox, handlers: RedisSubscriberHandlers
    ) {
        self.handlers = handlers
        self.logger = logger
        link = RedisLink(
            name: name, configuration: configuration,
            settings: RedisConnectionSettings(configuration, isSubscriber: true), resolver: resolver,
            stateBox: stateBox,
            onState: handlers.onState, eventLoop: eventLoop, logger: logger)
    }

    package func start() { link.start(owner: self) }

    package func close() {
        link.close()
        for waiter in table.removeAll() { waiter(.failure(.closedByOwner)) }
    }

    // MARK: Subscriptions

    /// Subscribes, from now on and after every loss of the link.
    ///
    /// The completion is called when the server has confirmed it: at once when it had, after the link is up when it is down. A
    /// refusal (`permission`, naming the right) ends the wish.
    package func subscribe(
        _ channel: String, kind: RedisSubscriptionKind = .channel, _ completion: @escaping Waiter
    ) {
        guard link.state != .closed else { return completion(.failure(.closedByOwner)) }
        perform(table.subscribe(.init(kind: kind, channel: channel), completion), completion)
    }

    /// Ends a subscription; the completion is called when no message of it can follow.
    package func unsubscribe(
        _ channel: String, kind: RedisSubscriptionKind = .channel, _ completion: @escaping Waiter
    ) {
        let (action, givenUp) = table.unsubscribe(.init(kind: kind, channel: channel), completion)
        for waiter in givenUp {
            waiter(.failure(RedisError(.closed, "the subscription to \(channel) was given up")))
        }
        perform(action, completion)
    }

    private func perform(_ action: Table.Action, _ completion: Waiter) {
        switch action {
        case .send(let request): link.connection?.change(request)
        case .wait: break
        case .done: completion(.success(()))
        }
    }
}

extension RedisSubscriberCore: RedisLinkOwner {
    func linkConnected(_ connection: RedisConnection, _ facts: RedisServerFacts) {
        outages.connected(facts)
        // Not permitted: do not ask at each connection, it fills the ACL log.
        if facts.connectionsReceived == nil { link.settings.handshake.readsStatistics = false }
        let requests = table.connected()
        restoring = requests.count
        for request in requests { connection.change(request) }
        if restoring == 0 { restored() }
    }

    func connection(_ connection: RedisConnection, changed: SubscriptionRequest, _ result: Result<Void, RedisError>) {
        var refusal: RedisError?
        if case .failure(let error) = result { refusal = error }
        let waiters = table.answered(changed, refusal)
        // First the state: who waits for the last subscription shall find it up.
        if restoring > 0 {
            restoring -= 1
            if restoring == 0 { restored() }
        }
        for waiter in waiters { waiter(result) }
        if let refusal, waiters.isEmpty, !changed.isUnsubscribe { handlers.onRefusal(changed.channel, refusal) }
    }

    func connection(_ connection: RedisConnection, lost kind: RedisSubscriptionKind, channel: String) {
        if let request = table.taken(.init(kind: kind, channel: channel)) { connection.change(request) }
    }

    /// Every subscription has been answered.
    private func restored() {
        reportState()
        guard let outage = outages.ended(at: .now(), subscriptions: table.count) else { return }
        if outage.isOutputBufferCutLikely {
            logger.warning(
                """
                Redis has probably cut this subscriber for its output buffer: it reads too slowly, or \
                client-output-buffer-limit pubsub is too small for the traffic
                """)
        }
        logger.notice(
            "Redis subscriptions are complete again",
            metadata: [
                "outage": "\(outage.number)", "milliseconds": "\(outage.duration.nanoseconds / 1_000_000)",
                "subscriptions": "\(outage.subscriptions)", "reason": "\(outage.reason)",
            ])
        handlers.onOutage(outage)
    }

    private func reportState() {
        if let refusal = table.refusals.values.first {
            link.reportDegraded(refusal.message)
        } else {
            link.reportUp()
        }
    }

    func linkLost(_ reason: RedisError, insideReply: Bool) {
        connectionReadDone()
        restoring = 0
        outages.lost(reason, insideMessage: insideReply, at: .now())
        for waiter in table.lost() { waiter(.success(())) }
    }

    func connection(_ connection: RedisConnection, received message: RedisMessage) {
        receivedInRead += 1
        handlers.onMessage(message)
    }

    func connectionDroppedMessage(_ connection: RedisConnection) {
        link.metrics.oversizedMessage()
        handlers.onOversized()
    }

    func connectionReadComplete(_ connection: RedisConnection) {
        guard receivedInRead > 0 else { return }
        connectionReadDone()
    }

    private func connectionReadDone() {
        guard receivedInRead > 0 else { return }
        link.metrics.received(receivedInRead)
        receivedInRead = 0
        handlers.onBatchEnd()
    }

    func connection(_ connection: RedisConnection, isLate: Bool) {
        guard restoring == 0 else { return }
        if isLate { link.reportDegraded(RedisLink.lateReason) } else { reportState() }
    }
}
