// Part of socketio-server, MIT licence; see LICENSE.

package import Logging
package import NIOCore

/// A connection to Redis for commands and publishes that comes back by itself.
///
/// Replies come in the order of the commands. Without a connection commands fail at once with `notConnected`, unless
/// the caller lets them wait. When a connection is lost, what had not left this process fails with `notSent` (it can
/// be repeated safely), what may have reached the server with `connectionLost`; nothing is repeated by itself.
///
/// Confined to its event loop except where methods say "any thread", hence `@unchecked Sendable`.
package final class RedisClient: RedisEndpoint, @unchecked Sendable {
    /// What a command does while there is no connection.
    package enum WhenDown: Sendable, Hashable {
        /// Fail at once with `notConnected`.
        case fail
        /// Wait so long for the connection (at most 1,024 commands), in order, then fail with `notConnected`.
        case wait(TimeAmount)
    }

    private let handlers: RedisClientHandlers
    private var waiting = WaitingCommands()
    private var acknowledgedInRead = 0
    private var failedInRead = 0

    /// Makes a client that is not connected yet.
    ///
    /// - Parameter name: names the link in logs and metrics.
    package init(
        configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger, name: String = "commands",
        handlers: RedisClientHandlers = RedisClientHandlers()
    ) {
        self.handlers = handlers
        super.init(
            configuration: configuration, isSubscriber: false,
            resolver: configuration.makeResolver(logger: logger), eventLoop: eventLoop, logger: logger, name: name,
            onState: handlers.onState)
    }

    /// Begins to connect. Any thread. Keep this object: its connection ends when it is released.
    package func start() { start(owner: self) }

    override func closeOnLoop() {
        super.closeOnLoop()
        waiting.removeAll { $0.completion(.failure(.closedByOwner)) }
    }

    // MARK: Commands

    /// Sends a command; error replies of the server are failures. Any thread; the completion is called on the event
    /// loop, on failure perhaps before this returns.
    ///
    /// - Parameter timeout: for the reply; nil means the configuration's `commandTimeout`.
    package func send(
        _ command: RESPCommand, timeout: TimeAmount? = nil, whenDown: WhenDown = .fail,
        _ completion: @escaping @Sendable (Result<RESPValue, RedisError>) -> Void
    ) {
        onLoop {
            if let connection = self.link.connection, connection.isReady {
                connection.send(command, timeout: timeout, completion)
            } else {
                self.wait(WaitingCommands.Entry(command: command, timeout: timeout, completion: completion), whenDown)
            }
        }
    }

    /// Sends a command. Any thread.
    package func send(_ command: RESPCommand, timeout: TimeAmount? = nil, whenDown: WhenDown = .fail)
        -> EventLoopFuture<RESPValue>
    {
        let promise = eventLoop.makePromise(of: RESPValue.self)
        send(command, timeout: timeout, whenDown: whenDown) { result in
            switch result {
            case .success(let value): promise.succeed(value)
            case .failure(let error): promise.fail(error)
            }
        }
        return promise.futureResult
    }

    /// Sends a command and waits for its reply. Any thread.
    package func execute(_ command: RESPCommand, timeout: TimeAmount? = nil, whenDown: WhenDown = .fail)
        async throws(RedisError) -> RESPValue
    {
        let result = await withCheckedContinuation { continuation in
            send(command, timeout: timeout, whenDown: whenDown) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Sends commands as one batch and waits for all replies, in order. Any thread.
    package func execute(pipeline commands: [RESPCommand], timeout: TimeAmount? = nil) async
        -> [Result<RESPValue, RedisError>]
    {
        await withCheckedContinuation { continuation in
            onLoop {
                let results = PipelineResults(count: commands.count) { continuation.resume(returning: $0) }
                for (index, command) in commands.enumerated() {
                    if let connection = self.link.connection {
                        connection.send(command, timeout: timeout) { results.set($0, at: index) }
                    } else {
                        results.set(.failure(self.notConnected(command)), at: index)
                    }
                }
            }
        }
    }

    private func wait(_ entry: WaitingCommands.Entry, _ whenDown: WhenDown) {
        guard case .wait(let limit) = whenDown, state != .closed else {
            return entry.completion(.failure(state == .closed ? .closedByOwner : notConnected(entry.command)))
        }
        guard let id = waiting.append(entry) else {
            return entry.completion(
                .failure(RedisError(.overloaded, "\(entry.command.name): too many commands wait for a connection")))
        }
        eventLoop.scheduleTask(in: limit) {
            guard let entry = self.waiting.remove(id) else { return }
            entry.completion(.failure(self.notConnected(entry.command)))
        }
    }

    private func notConnected(_ command: RESPCommand) -> RedisError {
        RedisError(.notConnected, "\(command.name): there is no connection to Redis (\(state))")
    }

    // MARK: Publishing

    /// Publishes without a closure or promise of its own; the outcome comes by `onPublished` with the tag. Event loop
    /// only. Publishes of one tick leave as one write.
    @discardableResult
    package func publish(_ message: RedisPublish, tag: UInt64 = 0) -> PublishAdmission {
        guard let connection = link.connection, connection.isReady else { return .notConnected }
        guard connection.admits() else { return .full }
        connection.publish(message, tag: tag)
        return .accepted
    }

    /// Publishes and waits for the number of receivers Redis counted. Any thread.
    package func publish(_ payload: ByteBuffer, to channel: String, whenDown: WhenDown = .fail)
        async throws(RedisError) -> Int
    {
        let reply = try await execute(RESPCommand("PUBLISH", channel, payload), whenDown: whenDown)
        return Int(truncatingIfNeeded: reply.integerValue ?? 0)
    }
}

extension RedisClient: RedisLinkOwner {
    func linkConnected(_ connection: RedisConnection, _ facts: RedisServerFacts) {
        link.reportUp()
        waiting.removeAll { connection.send($0.command, timeout: $0.timeout, $0.completion) }
    }

    func linkLost(_ reason: RedisError, insideReply: Bool) {
        countPublishes()
    }

    func connection(_ connection: RedisConnection, published tag: UInt64, _ outcome: PublishOutcome) {
        if case .delivered = outcome { acknowledgedInRead += 1 } else { failedInRead += 1 }
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
