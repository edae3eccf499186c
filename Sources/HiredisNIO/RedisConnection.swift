// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Called when a command is answered or cannot be; on the connection's event loop.
package typealias RedisCompletion = (Result<RESPValue, RedisError>) -> Void

/// The channel handler of one connection to Redis: performs what ``RedisConnectionStateMachine`` decides.
///
/// Commands of one tick are joined in one buffer and written once.
///
/// Lives on its event loop.
final class RedisConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    typealias Machine = RedisConnectionStateMachine<RedisCompletion>

    let eventLoop: any EventLoop
    let settings: RedisConnectionSettings
    private weak var owner: (any RedisConnectionOwner)?
    weak var user: (any RedisConnectionUser)?
    private let reader: RESPReader
    var machine: Machine
    var context: ChannelHandlerContext?
    var staged: ByteBuffer
    var isFlushScheduled = false
    var isReading = false
    var wasRefused = false
    private var closeReason: RedisError?
    var isClosed = false
    var timers: RedisConnectionTimers
    private var health = HealthCheck()

    init(
        settings: RedisConnectionSettings, eventLoop: any EventLoop, owner: any RedisConnectionOwner,
        user: (any RedisConnectionUser)? = nil
    ) {
        self.settings = settings
        self.eventLoop = eventLoop
        self.owner = owner
        self.user = user
        timers = RedisConnectionTimers(eventLoop: eventLoop)
        reader = RESPReader(limits: settings.limits, recognisesMessages: settings.isSubscriber)
        machine = Machine(isSubscriber: settings.isSubscriber)
        staged = ByteBuffer()
    }

    var isReady: Bool { machine.isReady && !isClosed && closeReason == nil }
    var localAddress: SocketAddress? { context?.channel.localAddress }
    var remoteAddress: SocketAddress? { context?.channel.remoteAddress }

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
        guard !timers.hasBegun, !isClosed else { return }
        timers.begin(handshake: settings.handshakeTimeout ?? settings.commandTimeout) {
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
        // Held through the whole read: messages are many.
        let user = user
        if health.received() { user?.connection(self, isLate: false) }
        isReading = true
        reader.feed(unwrapInboundIn(data))
        do {
            while closeReason == nil, let reply = try reader.next() { perform(machine.received(reply), user) }
        } catch {
            close(RedisError(.protocolViolation, "the server sent no valid RESP2", cause: error))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush()
        offerRoom()
        user?.connectionReadComplete(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if RedisConnectionFailure.isEndByServer(error) { hasServerEnded = true }
        close(RedisConnectionFailure.translate(error))
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

    private func perform(_ action: Machine.ReplyAction, _ user: (any RedisConnectionUser)?) {
        switch action {
        case .none: break
        case .deliver(let message): user?.connection(self, received: message)
        case .published(let tag, let outcome): user?.connection(self, published: tag, outcome)
        case .complete(let completion, let result): completion(result)
        case .subscriptionChanged(let request, let result): user?.connection(self, changed: request, result)
        case .subscriptionTaken(let kind, let channel): user?.connection(self, lost: kind, channel: channel)
        case .dropped: user?.connectionDroppedMessage(self)
        case .pong: health.answered()
        case .ready(let facts): ready(facts)
        case .fail(let error): close(error)
        }
    }

    private func ready(_ facts: RedisServerFacts) {
        timers.handshakeDone(healthInterval: settings.pingInterval / 2) { self.checkHealth() }
        owner?.connectionReady(self, facts)
    }

    // MARK: Time

    func scheduleCommandTimer(_ deadline: NIODeadline) {
        timers.expectCommand(until: deadline) { self.expireCommands() }
    }

    private func expireCommands() {
        timers.commandsExpired()
        let (expired, next) = machine.expire(now: eventLoop.now)
        if let next { scheduleCommandTimer(next) }
        for (completion, name) in expired {
            completion(.failure(RedisError(.timeout, "\(name) was not answered in time; whether it ran is unknown")))
        }
    }

    private func checkHealth() {
        guard isReady else { return }
        switch health.halfIntervalPassed() {
        case .none: break
        case .late: user?.connection(self, isLate: true)
        case .dead(let how): return closeAsDead(how)
        case .ping:
            machine.append(.ping)
            staged.writeImmutableBuffer(Self.ping)
            flush()
        }
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
        timers.cancel()
        let reason = closeReason ?? RedisError(.connectionLost, "the server closed the connection")
        if closeReason == nil {
            endedInsideReply = reader.isInsideReply
            hasServerEnded = true
        }
        closeReason = reason
        staged = ByteBuffer()
        // The reply that ended the connection was for the oldest command.
        var isAnswered = reason.cause is RESPError
        for (command, neverSent) in machine.closed() {
            fail(command, neverSent: neverSent, isAnswered: isAnswered, reason)
            isAnswered = false
        }
        owner?.connectionClosed(self, reason)
        owner = nil
        user = nil
    }

    private func fail(_ command: Machine.Pending, neverSent: Bool, isAnswered: Bool, _ reason: RedisError) {
        switch command {
        case .publish(let tag):
            user?.connection(self, published: tag, neverSent ? .notSent : .unknown(serverEnded: hasServerEnded))
        case .command(let completion, let name, _):
            let error =
                neverSent
                ? RedisError(.notSent, "\(name) was not sent: \(reason.message)")
                : isAnswered
                    ? RedisError(.replyTooLarge, "the reply to \(name) cannot be read", cause: reason.cause)
                    : RedisError(
                        .connectionLost, "\(name) was not answered, whether it ran is unknown: \(reason.message)")
            completion(.failure(error))
        case .handshake, .subscription, .ping, .abandoned:
            break
        }
    }
}
