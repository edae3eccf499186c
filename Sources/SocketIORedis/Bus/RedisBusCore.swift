// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import HiredisNIO
internal import Logging
internal import NIOCore
internal import SocketIOCluster

/// What ``RedisBus`` is on its event loop, for those who live there too.
final class RedisBusCore {
    typealias Handler = MessageRouter.Handler

    let eventLoop: any EventLoop
    let counters: ClusterCounters
    let policy: OutagePolicy
    let board: StatusBoard
    let log: RateLimitedLogger<ClusterLogKind>
    let outbox: Outbox
    private let transport: any PubSubTransport
    private let inbox: PublishInbox
    /// Made once, in `init`, with a reference back.
    private(set) var subscriptionMonitor: PeerSubscriptionMonitor?
    private var router = MessageRouter()
    /// Whether this node hears what it publishes by its subscriptions; otherwise it misses nothing when it loses them.
    var hearsBySubscription = true
    /// Whether broadcasts are listened to; nil to judge by the subscriptions.
    var isListening: (() -> Bool)?
    /// Told before the status says so, whether messages leave at once. After a loss of the connection, the fate of
    /// everything that was sent has been told before.
    var onGate: (_ isOpen: Bool) -> Void = { _ in }
    /// Told when this node hears the others again, after it may have missed something.
    var onHearing: () -> Void = {}
    /// Numbers the questions whether this node hears itself.
    var echoNumber: UInt64 = 0
    /// Makes a message that this node alone hears, and then tells by ``heardEcho(_:)``.
    var makeEcho: ((_ number: UInt64) -> PublishMessage?)?
    /// Told of every change of the status.
    var onStatus: ((ClusterStatus) -> Void)? {
        get { board.onStatus }
        set { board.onStatus = newValue }
    }

    init(
        transport: any PubSubTransport, policy: OutagePolicy, counters: ClusterCounters, inbox: PublishInbox,
        board: StatusBoard, log: RateLimitedLogger<ClusterLogKind>, maximumMessageBytes: Int
    ) {
        self.transport = transport
        self.eventLoop = transport.eventLoop
        self.policy = policy
        self.counters = counters
        self.inbox = inbox
        self.board = board
        self.log = log
        outbox = Outbox(
            transport: transport, policy: policy, counters: counters, log: log,
            maximumMessageBytes: maximumMessageBytes)
        subscriptionMonitor = PeerSubscriptionMonitor(
            transport: transport, grace: TimeAmount(policy.replayGrace),
            environment: PeerSubscriptionMonitor.Environment(
                isPublisherUp: { [weak self] in self?.board.health.isPublisherUp ?? false },
                isSubscriberUp: { [weak self] in self?.board.health.isSubscriberUp ?? false },
                isHeldUp: { [weak self] in self?.outbox.hasDoubts ?? false },
                gateChanged: { [weak self] in self?.gateChanged(isOpen: $0) }))
    }

    // MARK: Life

    func start() { transport.start(self) }

    /// The end: what waits fails.
    func end() {
        drainInbox()
        board.health.isClosed = true
        outbox.close()
        updateStatus()
    }

    /// The end of the connections.
    func disconnect() {
        transport.close()
        router.removeAll()
    }

    /// See ``PubSubTransport/localAddress``.
    var localAddress: String? { transport.localAddress }

    // MARK: Publishing

    /// Sends a message.
    func publish(_ message: PublishMessage) { outbox.offer(message) }

    func drainInbox() {
        for message in inbox.take() { outbox.offer(message) }
    }

    /// Whether a signal sent now arrives after everything sent before it.
    var isOrderKept: Bool { outbox.isOrderKept }

    // MARK: Subscribing

    /// Hands messages of channels and patterns to their handlers. `done` when Redis has confirmed everything.
    func subscribe(
        channels: [(String, Handler)], patterns: [(String, Handler)] = [],
        _ done: @escaping (Result<Void, any Error>) -> Void
    ) {
        guard !board.health.isClosed else { return done(.failure(ClusterError.closed)) }
        router.add(channels: channels, patterns: patterns)
        board.health.openSubscriptions += 1
        transport.subscribe(channels: channels.map(\.0), patterns: patterns.map(\.0)) { result in
            self.board.health.openSubscriptions -= 1
            if case .failure(let error) = result { self.board.health.refusal = "\(error)" }
            self.updateStatus()
            done(result)
        }
    }

    func unsubscribe(channels: [String], patterns: [String] = []) {
        guard !board.health.isClosed else { return }
        router.remove(channels: channels, patterns: patterns)
        transport.unsubscribe(channels: channels, patterns: patterns)
    }

    // MARK: Knowing who listens

    /// The nodes that subscribe to this channel should be back before waiting messages are sent.
    func watch(_ channel: String) { subscriptionMonitor?.watch(channel) }

    func unwatch(_ channel: String) { subscriptionMonitor?.unwatch(channel) }

    /// Whether what others send arrives here.
    var hearsOthers: Bool { board.health.isSubscriberUp }

    /// So many nodes listen on a channel, as is known from elsewhere.
    func expectListeners(on channel: String, count: Int) { subscriptionMonitor?.expect(count, on: channel) }

    /// Looks how many listen on the channels watched; now and then.
    func sampleSubscribers() { subscriptionMonitor?.sample() }

    /// How many subscribers channels have.
    func subscriberCounts(of channels: [String], _ done: @escaping (Result<[Int], any Error>) -> Void) {
        transport.subscriberCounts(of: channels, done)
    }

    private func gateChanged(isOpen: Bool) {
        outbox.setGate(isOpen: isOpen)
        guard isOpen else { return onGate(false) }
        outbox.endDoubts(hasHeardAll: false)
        onGate(true)
        outbox.sendWaiting()
        sendEchoIfUncertain()
        updateStatus()
    }

    /// How many listen on a channel, if one is given, and on which channels of single nodes somebody does.
    func listeners(of channel: [String], nodes: [String], _ done: ClusterCallback<ClusterListeners>) {
        subscriberCounts(of: channel + nodes) { result in
            done(
                result.map { counts in
                    ClusterListeners(
                        servers: channel.isEmpty ? 0 : counts.first ?? 0,
                        nodes: counts.dropFirst(channel.count).map { $0 > 0 })
                })
        }
    }

    /// Sends a command, and waits so long for a connection.
    func execute(
        _ command: RESPCommand, patience: TimeAmount, _ done: @escaping (Result<RESPValue, any Error>) -> Void
    ) {
        transport.execute(command, patience: patience, done)
    }

    /// Sends a command to the server that has the slot of `key`.
    func execute(
        _ command: RESPCommand, key: String, patience: TimeAmount,
        _ done: @escaping (Result<RESPValue, any Error>) -> Void
    ) {
        transport.execute(command, key: key, patience: patience, done)
    }

    // MARK: Reading streams

    /// A reader of a stream, over a connection of its own.
    func makeReader(
        of stream: String, pageSize: Int, _ handlers: RedisStreamReader.Handlers
    ) -> any StreamReading {
        transport.makeReader(of: stream, pageSize: pageSize, handlers)
    }

    /// Why streams cannot be read; nil when they can.
    func readingChanged(trouble: String?) {
        board.health.readingTrouble = trouble
        updateStatus()
    }

    // MARK: Status

    /// Something has changed that the status depends on.
    func statusChanged() { updateStatus() }

    private func updateStatus() {
        board.update(hasSubscriptions: isListening?() ?? router.hasPatterns, isSending: outbox.isGateOpen)
    }

    /// A peer's fault: counted, and logged once a second at most.
    func invalid(_ what: String, _ error: any Error) {
        counters.invalid.increment()
        if let limit = ClusterLimit(error) { counters.refused(limit) }
        log.log(.messageDropped, ["reason": "\(what): \(error)"])
    }
}

extension RedisBusCore: PubSubTransportDelegate {
    func publisherChanged(isUp: Bool, reason: String) {
        guard isUp != board.health.isPublisherUp, !board.health.isClosed else {
            return stillDown(\.publisherReason, reason)
        }
        board.health.isPublisherUp = isUp
        if isUp {
            outbox.linkUp()
            resolveDoubts()
            subscriptionMonitor?.begin()
        } else {
            board.health.publisherReason = reason
            onGate(false)
            outbox.linkLost(reason: reason)
            subscriptionMonitor?.close()
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
        if hearsBySubscription { outbox.hearingChanged() }
        if isUp {
            sendEchoIfUncertain()
            subscriptionMonitor?.tryToOpen()
            onHearing()
        } else {
            board.health.subscriberReason = reason
            if hearsBySubscription { outbox.endDoubts(hasHeardAll: false) }
            if policy.mode == .buffer { subscriptionMonitor?.hold() }
        }
        updateStatus()
    }

    func received(_ payload: ByteBuffer, channel: ByteBuffer, pattern: ByteBuffer?) {
        router.handler(channel: channel, pattern: pattern)?(payload, channel)
    }

    func serversChanged() { if board.health.isSubscriberUp { onHearing() } }

    func receivedOversized() {
        hearingChanged()
        onHearing()
        invalid("oversized", ClusterError.oversized)
    }
}
