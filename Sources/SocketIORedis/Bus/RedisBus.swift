// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import NIOCore

/// All messages between this node and Redis: one way out, in order and bounded, and one way in, by channel.
///
///     any thread ─▶ inbox ─▶ event loop: Outbox ─▶ transport ─▶ Redis
///     handlers by channel or pattern ◀─ event loop ◀─ transport ◀─ Redis
///
/// Confined to its event loop but for the inbox and what is behind locks, hence `@unchecked Sendable`.
final class RedisBus: @unchecked Sendable {
    typealias Handler = MessageRouter.Handler

    let eventLoop: any EventLoop
    let counters: ClusterCounters
    let transport: any PubSubTransport
    let policy: OutagePolicy
    private let inbox = PublishInbox()
    let board: StatusBoard

    // Confined to the event loop.
    let log: RateLimitedLogger<ClusterLogKind>
    let outbox: Outbox
    /// Made once, in `init`, with a reference back.
    var listeners: ListenerWatch?
    private var router = MessageRouter()
    /// Numbers the questions whether this node hears itself.
    var echoNumber: UInt64 = 0
    /// Makes a message that this node alone hears, and then tells by ``heardEcho(_:)``.
    var makeEcho: (@Sendable (_ number: UInt64) -> PublishMessage?)?
    /// Told of every change of the status, on the event loop.
    var onStatus: (@Sendable (ClusterStatus) -> Void)? {
        get { board.onStatus }
        set { board.onStatus = newValue }
    }

    init(
        transport: any PubSubTransport, policy: OutagePolicy, counters: ClusterCounters, logger: Logger,
        maximumMessageBytes: Int = .max
    ) {
        self.transport = transport
        self.eventLoop = transport.eventLoop
        self.policy = policy
        self.counters = counters
        board = StatusBoard(counters: counters, logger: logger)
        log = RateLimitedLogger(logger, eventLoop: transport.eventLoop)
        outbox = Outbox(
            transport: transport, policy: policy, counters: counters, log: log,
            maximumMessageBytes: maximumMessageBytes)
        listeners = ListenerWatch(
            transport: transport, grace: policy.replayGrace,
            surroundings: ListenerWatch.Surroundings(
                isPublisherUp: { [weak self] in self?.board.health.isPublisherUp ?? false },
                isSubscriberUp: { [weak self] in self?.board.health.isSubscriberUp ?? false },
                isHeldUp: { [weak self] in self?.outbox.hasDoubts ?? false },
                gateChanged: { [weak self] in self?.gateChanged(isOpen: $0) }))
    }

    // MARK: Life

    func start() {
        onLoop { self.transport.start(self) }
    }

    func close() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            onLoop {
                self.drainInbox()
                self.board.health.isClosed = true
                self.outbox.close()
                self.updateStatus()
                continuation.resume()
            }
        }
        await transport.close()
        onLoop { self.router.removeAll() }
    }

    /// The state of the moment. From any thread.
    var status: ClusterStatus { board.status }

    func onLoop(_ body: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
    }

    /// See ``PubSubTransport/localAddress``.
    var localAddress: String? { transport.localAddress }

    // MARK: Publishing

    /// Sends a message: at once on the event loop, else in the order of the calls. From any thread.
    func publish(_ message: PublishMessage) {
        if eventLoop.inEventLoop {
            // What other threads have put there before keeps its place only among itself: nothing orders the two.
            return outbox.offer(message)
        }
        if inbox.append(message) { eventLoop.execute { self.drainInbox() } }
    }

    private func drainInbox() {
        for message in inbox.take() { outbox.offer(message) }
    }

    /// Whether a signal sent now arrives after everything sent before it.
    var isOrderKept: Bool { outbox.isOrderKept }

    // MARK: Subscribing

    /// Hands messages of channels and patterns to their handlers. Returns when Redis has confirmed everything.
    func subscribe(channels: [(String, Handler)], patterns: [(String, Handler)] = []) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            onLoop {
                guard !self.board.health.isClosed else { return continuation.resume(throwing: ClusterError.closed) }
                self.router.add(channels: channels, patterns: patterns)
                self.board.health.openSubscriptions += 1
                self.transport.subscribe(channels: channels.map(\.0), patterns: patterns.map(\.0)) { result in
                    self.board.health.openSubscriptions -= 1
                    if case .failure(let error) = result { self.board.health.refusal = "\(error)" }
                    self.updateStatus()
                    continuation.resume(with: result)
                }
            }
        }
    }

    func unsubscribe(channels: [String], patterns: [String] = []) {
        onLoop {
            guard !self.board.health.isClosed else { return }
            self.router.remove(channels: channels, patterns: patterns)
            self.transport.unsubscribe(channels: channels, patterns: patterns)
        }
    }

    // MARK: Knowing who listens

    /// The nodes that subscribe to this channel should be back before waiting messages are sent.
    func watch(_ channel: String) { onLoop { self.listeners?.watch(channel) } }

    func unwatch(_ channel: String) { onLoop { self.listeners?.unwatch(channel) } }

    /// Whether what others send arrives here. On the event loop.
    var hearsOthers: Bool { board.health.isSubscriberUp }

    /// So many nodes listen on a channel, as is known from elsewhere. On the event loop.
    func expectListeners(on channel: String, count: Int) { listeners?.expect(count, on: channel) }

    /// Looks how many listen on the channels watched; on the event loop, now and then.
    func sampleSubscribers() { listeners?.sample() }

    private func gateChanged(isOpen: Bool) {
        outbox.setGate(isOpen: isOpen)
        guard isOpen else { return }
        outbox.endDoubts(hasHeardAll: false)
        outbox.sendWaiting()
        beSure()
        updateStatus()
    }

    // MARK: Status

    private func updateStatus() {
        board.update(hasSubscriptions: router.hasPatterns, isSending: outbox.isGateOpen)
    }

    /// A peer's fault: counted, and logged once a second at most.
    func invalid(_ what: String, _ error: any Error) {
        counters.invalid.increment()
        if let limit = ClusterLimit(error) { counters.refused(limit) }
        log.log(.messageDropped, ["reason": "\(what): \(error)"])
    }
}

extension RedisBus {
    /// An answer of this node is over a limit: counted, and logged once a second at most. From any thread.
    func answerRefused(_ error: any Error) {
        counters.refused(.answerBytes)
        onLoop { self.log.log(.answerNotSent, ["reason": "\(error)"]) }
    }
}

extension RedisBus: PubSubTransportDelegate {
    func publisherChanged(isUp: Bool, reason: String) {
        guard isUp != board.health.isPublisherUp, !board.health.isClosed else {
            return stillDown(\.publisherReason, reason)
        }
        board.health.isPublisherUp = isUp
        if isUp {
            outbox.linkUp()
            resolveDoubts()
            listeners?.begin()
        } else {
            board.health.publisherReason = reason
            outbox.linkLost(reason: reason)
            listeners?.close()
        }
        updateStatus()
    }

    /// Before a connection has been up for the first time, its failures are the only news of it.
    private func stillDown(_ part: WritableKeyPath<LinkHealth, String>, _ reason: String) {
        guard !board.health.wasUp, !board.health.isClosed, !reason.isEmpty else { return }
        board.health[keyPath: part] = reason
        updateStatus()
    }

    func publisherHasRoom() { outbox.sendWaiting() }

    func published(_ outcome: TransportOutcome) { outbox.settled(outcome) }

    func subscriberChanged(isUp: Bool, reason: String) {
        guard isUp != board.health.isSubscriberUp, !board.health.isClosed else {
            return stillDown(\.subscriberReason, reason)
        }
        board.health.isSubscriberUp = isUp
        outbox.hearingChanged()
        if isUp {
            beSure()
            listeners?.tryToOpen()
        } else {
            board.health.subscriberReason = reason
            outbox.endDoubts(hasHeardAll: false)
            if policy.mode == .buffer { listeners?.hold() }
        }
        updateStatus()
    }

    func received(_ payload: ByteBuffer, channel: ByteBuffer, pattern: ByteBuffer?) {
        router.handler(channel: channel, pattern: pattern)?(payload, channel)
    }

    func receivedOversized() {
        hearingChanged()
        invalid("oversized", ClusterError.oversized)
    }
}
