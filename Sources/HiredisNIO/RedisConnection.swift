// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import NIOSSL

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Called when a command is answered or cannot be; on the connection's event loop.
package typealias RedisCompletion = (Result<RESPValue, RedisError>) -> Void

/// The channel handler of one connection to Redis: performs what ``RedisConnectionStateMachine`` decides.
///
/// Commands of one tick are joined in one buffer and written once.
///
/// Confined to its event loop, hence `@unchecked Sendable`.
final class RedisConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private typealias Machine = RedisConnectionStateMachine<RedisCompletion>

    let eventLoop: any EventLoop
    private let settings: RedisConnectionSettings
    private weak var owner: (any RedisConnectionOwner)?
    private let reader: RESPReader
    private var machine: Machine
    private var context: ChannelHandlerContext?
    private var staged: ByteBuffer
    private var isFlushScheduled = false
    private var isReading = false
    private var wasRefused = false
    private var closeReason: RedisError?
    private var isClosed = false

    private var handshakeTimer: Scheduled<Void>?
    private var commandTimer: Scheduled<Void>?
    private var healthTimer: Scheduled<Void>?
    private var health = HealthCheck()

    init(settings: RedisConnectionSettings, eventLoop: any EventLoop, owner: any RedisConnectionOwner) {
        self.settings = settings
        self.eventLoop = eventLoop
        self.owner = owner
        reader = RESPReader(limits: settings.limits, recognisesMessages: settings.isSubscriber)
        machine = Machine(isSubscriber: settings.isSubscriber)
        staged = ByteBuffer()
    }

    var isReady: Bool { machine.isReady && !isClosed && closeReason == nil }
    var localAddress: SocketAddress? { context?.channel.localAddress }
    var remoteAddress: SocketAddress? { context?.channel.remoteAddress }

    // MARK: Commands

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
        let deadline = NIODeadline.now() + (timeout ?? settings.commandTimeout)
        machine.append(.command(completion, name: command.name, deadline: deadline))
        staged.writeImmutableBuffer(command.bytes)
        scheduleCommandTimer(deadline)
        scheduleFlush()
    }

    /// The caller has asked ``isReady`` and ``admits()``.
    @inline(__always)
    func publish(tag: UInt64, _ write: (inout ByteBuffer) -> Void) {
        machine.append(.publish(tag: tag))
        write(&staged)
        if staged.readableBytes >= Self.batchSize { flush() } else { scheduleFlush() }
    }

    func change(_ request: SubscriptionRequest) {
        guard isReady else { return }
        machine.append(.subscription(request))
        staged.writeImmutableBuffer(request.command.bytes)
        scheduleFlush()
    }

    private static let batchSize = 256 << 10

    private func scheduleFlush() {
        guard !isFlushScheduled, !isReading else { return }
        isFlushScheduled = true
        eventLoop.execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    private func flush() {
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

    private func offerRoom() {
        guard wasRefused, machine.unanswered <= settings.maximumUnansweredCommands / 2,
            machine.ledger.unwrittenBytes <= settings.maximumBacklogBytes / 2
        else { return }
        wasRefused = false
        owner?.connectionHasRoom(self)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        // Given up while the socket was being connected.
        guard !isClosed else { return context.close(promise: nil) }
        self.context = context
        if context.channel.isActive { begin() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish()
    }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    private func begin() {
        guard handshakeTimer == nil, !isClosed else { return }
        handshakeTimer = eventLoop.scheduleTask(in: settings.commandTimeout) {
            self.close(RedisError(.timeout, "the server did not answer the log-in in time"))
        }
        let steps = settings.handshake.steps
        let isReadyAtOnce = machine.start(steps.map(\.0))
        for (_, command) in steps { staged.writeImmutableBuffer(command.bytes) }
        flush()
        if isReadyAtOnce { ready(RedisServerFacts()) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosed, closeReason == nil else { return }
        if health.received() { owner?.connection(self, isLate: false) }
        isReading = true
        reader.feed(unwrapInboundIn(data))
        do {
            while closeReason == nil, let reply = try reader.next() { perform(machine.received(reply)) }
        } catch {
            close(RedisError(.protocolViolation, "the server sent no valid RESP2", cause: error))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush()
        offerRoom()
        owner?.connectionReadComplete(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        // The end of the stream without a farewell, as Redis ends TLS connections.
        case NIOSSLError.uncleanShutdown: hasServerEnded = true
        case let error as IOError: hasServerEnded = error.errnoCode == ECONNRESET || error.errnoCode == EPIPE
        default: break
        }
        close(Self.translate(error))
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Half-closure is not allowed on this channel; an end of input closes it.
        context.fireUserInboundEventTriggered(event)
    }

    /// Whether the server's bytes have ended in the middle of a reply.
    private(set) var endedInsideReply = false
    /// Whether the end came from the server, which then reads nothing more.
    private var hasServerEnded = false

    private func perform(_ action: Machine.ReplyAction) {
        switch action {
        case .none: break
        case .deliver(let message): owner?.connection(self, received: message)
        case .published(let tag, let outcome): owner?.connection(self, published: tag, outcome)
        case .complete(let completion, let result): completion(result)
        case .subscriptionChanged(let request, let result): owner?.connection(self, changed: request, result)
        case .subscriptionTaken(let kind, let channel): owner?.connection(self, lost: kind, channel: channel)
        case .dropped: owner?.connectionDroppedMessage(self)
        case .pong: health.answered()
        case .ready(let facts): ready(facts)
        case .fail(let error): close(error)
        }
    }

    private func ready(_ facts: RedisServerFacts) {
        handshakeTimer?.cancel()
        scheduleHealth()
        owner?.connectionReady(self, facts)
    }

    // MARK: Time

    private func scheduleCommandTimer(_ deadline: NIODeadline) {
        guard commandTimer == nil else { return }
        commandTimer = eventLoop.scheduleTask(deadline: deadline) { self.expireCommands() }
    }

    private func expireCommands() {
        commandTimer = nil
        let (expired, next) = machine.expire(now: .now())
        if let next { scheduleCommandTimer(next) }
        for (completion, name) in expired {
            completion(.failure(RedisError(.timeout, "\(name) was not answered in time; whether it ran is unknown")))
        }
    }

    private func scheduleHealth() {
        healthTimer = eventLoop.scheduleTask(in: settings.pingInterval / 2) { self.checkHealth() }
    }

    private func checkHealth() {
        guard isReady else { return }
        switch health.halfIntervalPassed() {
        case .none: break
        case .late: owner?.connection(self, isLate: true)
        case .dead(let how): return closeAsDead(how)
        case .ping:
            machine.append(.ping)
            staged.writeImmutableBuffer(Self.ping)
            flush()
        }
        scheduleHealth()
    }

    private static let ping = RESPCommand("PING").bytes

    private func closeAsDead(_ how: String) {
        let interval = settings.pingInterval.nanoseconds / 1_000_000
        close(RedisError(.timeout, "the link is dead: \(how) within the ping interval of \(interval) ms"))
    }

    // MARK: End

    /// Ends the connection; the reason goes to the owner and to everything unanswered.
    func close(_ reason: RedisError) {
        eventLoop.preconditionInEventLoop()
        guard !isClosed else { return }
        if closeReason == nil { closeReason = reason }
        guard let context else { return finish() }
        // A TLS layer would wait for the peer's farewell; a dead peer sends none.
        context.close(mode: .all, promise: nil)
        finish()
    }

    private func finish() {
        guard !isClosed else { return }
        isClosed = true
        isReading = false
        context = nil
        handshakeTimer?.cancel()
        commandTimer?.cancel()
        healthTimer?.cancel()
        let reason = closeReason ?? RedisError(.connectionLost, "the server closed the connection")
        if closeReason == nil {
            endedInsideReply = reader.isInsideReply
            hasServerEnded = true
        }
        closeReason = reason
        staged = ByteBuffer()
        for (command, neverSent) in machine.closed() { fail(command, neverSent: neverSent, reason) }
        owner?.connectionClosed(self, reason)
        owner = nil
    }

    private func fail(_ command: Machine.Pending, neverSent: Bool, _ reason: RedisError) {
        switch command {
        case .publish(let tag):
            owner?.connection(self, published: tag, neverSent ? .notSent : .unknown(serverEnded: hasServerEnded))
        case .command(let completion, let name, _):
            let error =
                neverSent
                ? RedisError(.notSent, "\(name) was not sent: \(reason.message)")
                : RedisError(.connectionLost, "\(name) was not answered, whether it ran is unknown: \(reason.message)")
            completion(.failure(error))
        case .handshake, .subscription, .ping, .abandoned:
            break
        }
    }

    private static func translate(_ error: any Error) -> RedisError {
        switch error {
        case let error as RedisError: error
        case NIOSSLError.uncleanShutdown:
            RedisError(.connectionLost, "the server closed the connection without a TLS farewell")
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            RedisError(.tls, "TLS with the server failed", cause: error)
        case is IOError: RedisError(.connectionLost, "the connection was lost", cause: error)
        default: RedisError(.connectionLost, "the connection failed", cause: error)
        }
    }
}

extension TimeAmount {
    static func / (amount: TimeAmount, divisor: Int64) -> TimeAmount {
        .nanoseconds(max(1, amount.nanoseconds / divisor))
    }
}
