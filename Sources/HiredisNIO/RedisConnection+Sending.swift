// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// What goes to the server: commands of one tick are joined in one buffer, which is written once.
extension RedisConnection {
    /// Whether one more command may be staged now. When not, `connectionHasRoom` follows.
    func admits() -> Bool {
        eventLoop.preconditionInEventLoop()
        guard machine.unanswered < settings.maximumUnansweredCommands,
            machine.ledger.unwrittenBytes + staged.readableBytes < settings.maximumBacklogBytes
        else {
            wasRefused = true
            return false
        }
        return true
    }

    func send(_ command: RESPCommand, timeout: TimeAmount? = nil, _ completion: @escaping RedisCompletion) {
        eventLoop.preconditionInEventLoop()
        guard isReady else {
            return completion(.failure(RedisError(.notConnected, "\(command.name): there is no connection to Redis")))
        }
        guard admits() else {
            return completion(.failure(RedisError(.overloaded, "\(command.name): too much waits for the Redis server")))
        }
        let deadline = eventLoop.now + (timeout ?? settings.commandTimeout)
        machine.append(.command(completion, name: command.name, deadline: deadline))
        staged.writeImmutableBuffer(command.bytes)
        scheduleCommandTimer(deadline)
        scheduleFlush()
    }

    /// The caller has asked ``isReady`` and ``admits()``.
    func publish(_ message: RedisPublish, tag: UInt64) {
        machine.append(.publish(tag: tag))
        staged.writeImmutableBuffer(message.bytes)
        if staged.readableBytes >= Self.batchSize { flush() } else { scheduleFlush() }
    }

    func change(_ request: SubscriptionRequest) {
        guard isReady else { return }
        machine.append(.subscription(request))
        staged.writeImmutableBuffer(request.command.bytes)
        scheduleFlush()
    }

    static let batchSize = 256 << 10

    private func scheduleFlush() {
        guard !isFlushScheduled, !isReading else { return }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    func flush() {
        let count = staged.readableBytes
        guard count > 0, let context, !isClosed else { return }
        machine.handedOver(bytes: count)
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { self.written() }
        context.writeAndFlush(wrapOutboundOut(staged), promise: promise)
        // When the write is complete already this reuses the storage.
        staged.clear(minimumCapacity: min(count, Self.batchSize))
    }

    private func written() {
        machine.written()
        offerRoom()
    }

    func offerRoom() {
        guard wasRefused, machine.unanswered <= settings.maximumUnansweredCommands / 2,
            machine.ledger.unwrittenBytes <= settings.maximumBacklogBytes / 2
        else { return }
        wasRefused = false
        user?.connectionHasRoom(self)
    }
}
