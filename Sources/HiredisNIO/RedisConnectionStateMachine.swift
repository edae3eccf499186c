// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// One connection to Redis: what each reply belongs to.
///
///     handshake ── all steps answered ──▶ ready ──▶ closed
///         └── a step refused ──▶ (fail) ──▶ closed
///
/// RESP2 answers in the order of the commands; only pushes of subscriptions come in between. Generic over what is
/// called when a command is answered, so that tests use strings.
struct RedisConnectionStateMachine<Context> {
    /// Something that waits for its reply.
    enum Pending {
        case handshake(RedisHandshake.Step)
        case command(Context, name: String, deadline: NIODeadline?)
        case publish(tag: UInt64)
        case subscription(SubscriptionRequest)
        case ping
        /// Timed out before; the reply is thrown away.
        case abandoned
    }

    enum ReplyAction {
        case none
        /// The handshake is done.
        case ready(RedisServerFacts)
        case complete(Context, Result<RESPValue, RedisError>)
        case published(tag: UInt64, PublishOutcome)
        case deliver(RedisMessage)
        case subscriptionChanged(SubscriptionRequest, Result<Void, RedisError>)
        /// The server ended a subscription by itself (a slot moved away).
        case subscriptionTaken(RedisSubscriptionKind, channel: String)
        /// A message over the limit was thrown away.
        case dropped
        case pong
        case fail(RedisError)
    }

    private enum State {
        case handshake(remaining: Int, RedisServerFacts)
        case ready
        case closed
    }

    private var state: State = .handshake(remaining: 0, RedisServerFacts())
    private var pending = CircularBuffer<Pending>(initialCapacity: 16)
    private let isSubscriber: Bool
    private(set) var ledger = WriteLedger()

    init(isSubscriber: Bool = false) {
        self.isSubscriber = isSubscriber
    }

    var unanswered: Int { pending.count }

    var isReady: Bool {
        if case .ready = state { return true }
        return false
    }

    /// The handshake's commands are about to be staged. Without any the connection is ready at once.
    mutating func start(_ steps: [RedisHandshake.Step]) -> Bool {
        for step in steps { append(.handshake(step)) }
        state = steps.isEmpty ? .ready : .handshake(remaining: steps.count, RedisServerFacts())
        return steps.isEmpty
    }

    /// A command has been staged.
    mutating func append(_ command: Pending) {
        pending.append(command)
        ledger.staged()
    }

    mutating func handedOver(bytes: Int) { ledger.handedOver(bytes: bytes) }
    mutating func written() { ledger.written() }

    // MARK: Replies

    mutating func received(_ reply: RESPReply) -> ReplyAction {
        switch reply {
        case .message(let message):
            return .deliver(message)
        case .tooLarge where isSubscriber && isReady:
            // A message: every other reply to a subscriber is short.
            return .dropped
        case .tooLarge:
            return answered(.failure(RedisError(.replyTooLarge, "the reply is over the limits")))
        case .value(let value):
            if isSubscriber, case .array(let elements) = value, let action = push(elements) { return action }
            return answered(.success(value))
        }
    }

    private mutating func answered(_ reply: Result<RESPValue, RedisError>) -> ReplyAction {
        guard let first = pending.popFirst() else {
            return .fail(RedisError(.protocolViolation, "a reply came that answers no command"))
        }
        switch first {
        case .publish(let tag):
            return .published(tag: tag, Self.publishOutcome(reply))
        case .command(let context, let name, _):
            guard case .success(.error(let text)) = reply else { return .complete(context, reply) }
            return .complete(context, .failure(RedisError(reply: text, to: name)))
        case .ping:
            return .pong
        case .abandoned:
            return .none
        case .handshake(let step):
            return handshakeAnswered(step, reply)
        case .subscription(let request):
            guard case .success(.error(let text)) = reply else {
                return .fail(RedisError(.protocolViolation, "\(request.commandName) was answered by something else"))
            }
            return .subscriptionChanged(request, .failure(request.error(for: text)))
        }
    }

    private static func publishOutcome(_ reply: Result<RESPValue, RedisError>) -> PublishOutcome {
        switch reply {
        case .success(.integer(let receivers)): .delivered(receivers: Int(truncatingIfNeeded: receivers))
        // XADD is answered by the id of the entry.
        case .success(.bulk(let text)):
            if let id = RedisStreamID(text) {
                .appended(id)
            } else {
                .refused(RedisError(.protocolViolation, "XADD was not answered by the id of an entry"))
            }
        case .success(.error(let text)): .refused(RedisError(reply: text, to: "PUBLISH"))
        case .success:
            .refused(RedisError(.protocolViolation, "a message was answered by neither a number nor an id"))
        case .failure(let error): .refused(error)
        }
    }

    // MARK: Subscriber mode

    /// Confirmations and pongs of subscriber mode; nil when the array is none of them.
    private mutating func push(_ elements: [RESPValue]) -> ReplyAction? {
        guard let kind = elements.first?.stringValue else { return nil }
        switch kind {
        case "pong":
            return answered(.success(.simple("PONG")))
        case "subscribe": return confirmed(.channel, elements, isUnsubscribe: false)
        case "psubscribe": return confirmed(.pattern, elements, isUnsubscribe: false)
        case "ssubscribe": return confirmed(.sharded, elements, isUnsubscribe: false)
        case "unsubscribe": return confirmed(.channel, elements, isUnsubscribe: true)
        case "punsubscribe": return confirmed(.pattern, elements, isUnsubscribe: true)
        case "sunsubscribe": return confirmed(.sharded, elements, isUnsubscribe: true)
        default: return nil
        }
    }

    private mutating func confirmed(_ kind: RedisSubscriptionKind, _ elements: [RESPValue], isUnsubscribe: Bool)
        -> ReplyAction
    {
        guard elements.count == 3 else {
            return .fail(RedisError(.protocolViolation, "a confirmation of a subscription has not three parts"))
        }
        let channel = elements[1].stringValue ?? ""
        if case .subscription(let request) = pending.first, request.kind == kind,
            request.isUnsubscribe == isUnsubscribe, request.channel.utf8.elementsEqual(channel.utf8)
        {
            pending.removeFirst()
            return .subscriptionChanged(request, .success(()))
        }
        // A server takes subscriptions away by itself, it never adds any.
        if isUnsubscribe { return .subscriptionTaken(kind, channel: channel) }
        return .fail(RedisError(.protocolViolation, "a subscription was confirmed that was not asked for"))
    }

    // MARK: Handshake

    private mutating func handshakeAnswered(_ step: RedisHandshake.Step, _ reply: Result<RESPValue, RedisError>)
        -> ReplyAction
    {
        guard case .handshake(let remaining, var facts) = state else { return .none }
        if let error = Self.judge(step, reply, &facts) { return .fail(error) }
        guard remaining > 1 else {
            state = .ready
            return .ready(facts)
        }
        state = .handshake(remaining: remaining - 1, facts)
        return .none
    }

    private static func judge(
        _ step: RedisHandshake.Step, _ reply: Result<RESPValue, RedisError>, _ facts: inout RedisServerFacts
    ) -> RedisError? {
        let value: RESPValue
        switch reply {
        case .success(let reply): value = reply
        case .failure(let error):
            // The limit on messages may be lower than what Redis says of itself, which can be done without.
            return step == .statistics && error.code == .replyTooLarge ? nil : error
        }
        switch (step, value) {
        case (.auth, .error(let text)):
            var error = RedisError(reply: text, to: "AUTH")
            if error.code == .server, text.contains("AUTH") { error.code = .authentication }
            return error
        case (.select, .error(let text)):
            return RedisError(reply: text, to: "SELECT")
        case (.role, .array(let elements)) where elements.first?.stringValue != "master":
            return RedisError(.notPrimary, "the server the sentinels named is not the primary (yet)")
        case (.statistics, .bulk(let text)):
            let text = String(buffer: text)
            facts.outputBufferCuts = Self.number("client_output_buffer_limit_disconnections", in: text)
            facts.connectionsReceived = Self.number("total_connections_received", in: text)
        case (.statistics, _):
            break
        case (_, .error(let text)):
            let error = RedisError(reply: text, to: step.commandName)
            // Doing without a name or a role is possible; a PING that is not permitted is an answer as well.
            guard error.code == .permission || (step == .clientName && text.contains("unknown")) else { return error }
            facts.refusals.append(error.message)
        default:
            break
        }
        return nil
    }

    private static func number(_ name: String, in text: String) -> Int64? {
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix(name + ":") {
            return Int64(line.dropFirst(name.count + 1))
        }
        return nil
    }

    // MARK: Time and end

    /// Commands whose deadline has passed; their replies will be thrown away. Returns the next deadline.
    mutating func expire(now: NIODeadline) -> (expired: [(Context, name: String)], next: NIODeadline?) {
        var expired: [(Context, name: String)] = []
        for index in pending.indices {
            guard case .command(let context, let name, let deadline?) = pending[index] else { continue }
            guard deadline <= now else { return (expired, deadline) }
            pending[index] = .abandoned
            expired.append((context, name: name))
        }
        return (expired, nil)
    }

    /// The connection has ended: what it leaves unanswered, in order, and whether each can have run.
    mutating func closed() -> [(Pending, neverSent: Bool)] {
        state = .closed
        let firstUnsent = pending.count - min(pending.count, ledger.neverSent)
        let left = pending.enumerated().map { ($1, neverSent: $0 >= firstUnsent) }
        pending.removeAll()
        ledger = WriteLedger()
        return left
    }
}
