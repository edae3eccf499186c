// Part of socketio-server, MIT licence; see LICENSE.

package import Logging
package import NIOCore

/// What ``RedisClient`` is on its event loop, for those who live there too.
package final class RedisClientCore: RedisEndpointCore {
    private let link: RedisLink
    private let handlers: RedisClientHandlers
    private var waiting: WaitingCommands
    private var acknowledgedInRead = 0
    private var failedInRead = 0

    /// - Parameter resolver: Says where to connect; nil for what the configuration says.
    init(
        configuration: RedisConfiguration, resolver: (any RedisAddressResolver)? = nil, eventLoop: any EventLoop,
        logger: Logger, name: String, stateBox: RedisStateBox, handlers: RedisClientHandlers
    ) {
        self.handlers = handlers
        waiting = WaitingCommands(
            maximumCount: configuration.maximumWaitingCommands, maximumBytes: configuration.maximumWaitingBytes)
        link = RedisLink(
            name: name, configuration: configuration,
            settings: RedisConnectionSettings(configuration, isSubscriber: false),
            resolver: resolver ?? configuration.makeResolver(logger: logger), stateBox: stateBox,
            onState: handlers.onState,
            eventLoop: eventLoop, logger: logger)
    }

    /// Makes a client for the event loop that the caller is on, or will be when it uses it. It is to be closed by its owner.
    ///
    /// - Parameter name: names the link in logs and metrics.
    /// - Parameter nodes: In a Redis Cluster, whose primaries it connects to.
    package convenience init(
        configuration: RedisConfiguration, nodes: RedisClusterNodes? = nil, eventLoop: any EventLoop, logger: Logger,
        name: String, handlers: RedisClientHandlers
    ) {
        self.init(
            configuration: configuration, resolver: nodes.map { AnyPrimary($0) }, eventLoop: eventLoop, logger: logger,
            name: name, stateBox: RedisStateBox(),
            handlers: handlers)
    }

    package func start() { link.start(owner: self) }

    package func close() {
        link.close()
        waiting.removeAll { $0.completion(.failure(.closedByOwner)) }
    }

    /// Whether commands are sent now.
    package var isUp: Bool { link.connection?.isReady ?? false }

    /// Ends the connection, if there is one, and connects to the next address.
    func moveOn(_ reason: RedisError) { link.moveOn(reason) }

    /// This side's address of the connection; nil without one.
    package var localAddress: SocketAddress? { link.connection?.localAddress }

    // MARK: Commands

    /// As ``RedisClient/send(_:timeout:whenDown:_:)``.
    package func send(
        _ command: RESPCommand, timeout: TimeAmount? = nil, whenDown: RedisClient.WhenDown = .fail,
        _ completion: @escaping RedisCompletion
    ) {
        if let connection = link.connection, connection.isReady {
            connection.send(command, timeout: timeout, completion)
        } else {
            wait(WaitingCommands.Entry(command: command, timeout: timeout, completion: completion), whenDown)
        }
    }

    /// Sends commands as one batch; `done` gets all replies, in order.
    func send(
        pipeline commands: [RESPCommand], timeout: TimeAmount?,
        _ done: @escaping ([Result<RESPValue, RedisError>]) -> Void
    ) {
        let results = PipelineResults(count: commands.count, done: done)
        for (index, command) in commands.enumerated() {
            if let connection = link.connection {
                connection.send(command, timeout: timeout) { results.set($0, at: index) }
            } else {
                results.set(.failure(notConnected(command)), at: index)
            }
        }
    }

    private func wait(_ entry: WaitingCommands.Entry, _ whenDown: RedisClient.WhenDown) {
        guard case .wait(let limit) = whenDown, link.state != .closed else {
            return entry.completion(.failure(link.state == .closed ? .closedByOwner : notConnected(entry.command)))
        }
        guard let id = waiting.append(entry) else {
            link.metrics.refusedCommand()
            return entry.completion(
                .failure(RedisError(.overloaded, "\(entry.command.name): too many commands wait for a connection")))
        }
        link.eventLoop.assumeIsolated().scheduleTask(in: limit) {
            guard let entry = self.waiting.remove(id) else { return }
            entry.completion(.failure(self.notConnected(entry.command)))
        }
    }

    private func notConnected(_ command: RESPCommand) -> RedisError {
        RedisError(.notConnected, "\(command.name): there is no connection to Redis (\(link.state))")
    }

    // MARK: Publishing

    /// Publishes without a closure or promise of its own; the outcome comes by `onPublished` with the tag. Publishes of one
    /// tick leave as one write.
    @discardableResult
    package func publish(_ message: RedisPublish, tag: UInt64 = 0) -> PublishAdmission {
        guard let connection = link.connection, connection.isReady else { return .notConnected }
        guard connection.admits() else { return .full }
        connection.publish(message, tag: tag)
        return .accepted
    }
}

extension RedisClientCore: RedisLinkOwner {
    func linkConnected(_ connection: RedisConnection, _ facts: RedisServerFacts) {
        link.reportUp()
        waiting.removeAll { connection.send($0.command, timeout: $0.timeout, $0.completion) }
    }

    func linkLost(_ reason: RedisError, insideReply: Bool) {
        countPublishes()
    }

    func connection(_ connection: RedisConnection, published tag: UInt64, _ outcome: PublishOutcome) {
        switch outcome {
        case .delivered, .appended: acknowledgedInRead += 1
        case .refused, .notSent, .unknown: failedInRead += 1
        }
        handlers.onPublished(tag, outcome)
    }

    func connectionReadComplete(_ connection: RedisConnection) {
        countPublishes()
    }

    func connectionHasRoom(_ connection: RedisConnection) {
        handlers.onRoom()
    }

    func connection(_ connection: RedisConnection, isLate: Bool) {
        if isLate { link.reportDegraded(RedisLink.lateReason) } else { link.reportUp() }
    }

    private func countPublishes() {
        link.metrics.published(acknowledgedInRead, failed: failedInRead)
        acknowledgedInRead = 0
        failedInRead = 0
    }
}
