// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOCore
internal import Synchronization

/// All messages between this node and Redis: one way out, in order and bounded, and one way in, by channel.
///
///     any thread ─▶ inbox ─▶ event loop: PublishQueue ─▶ transport ─▶ Redis
///     handlers by channel or pattern ◀─ event loop ◀─ transport ◀─ Redis
///
/// Confined to its event loop but for the inbox and what is behind locks, hence `@unchecked Sendable`.
final class RedisBus: @unchecked Sendable {
    typealias Handler = @Sendable (_ payload: ByteBuffer, _ channel: ByteBuffer) -> Void

    let eventLoop: any EventLoop
    let counters: ClusterCounters
    private let transport: any PubSubTransport
    private let policy: OutagePolicy
    private let logger: Logger
    private let inbox = Mutex<[PublishMessage]>([])
    private let sharedStatus = Mutex(ClusterStatus.connecting)

    // Confined to the event loop.
    private var queue: PublishQueue
    private var handlers: [ByteBuffer: Handler] = [:]
    private var patternHandlers: [ByteBuffer: Handler] = [:]
    private var isPublisherUp = false
    private var isSubscriberUp = false
    /// Subscriptions Redis has not confirmed yet, and why one was refused.
    private var openSubscriptions = 0
    private var refusal: String?
    private var wasUp = false
    private var isClosed = false
    private var downReason = "no connection yet"
    private var subscriberReason = ""
    private var gate: ReplayGate
    /// Subscribers of the channels watched, as last seen with everything up.
    private var knownSubscribers: [String: Int] = [:]
    private var watchedChannels: Set<String> = []
    private var lastComplaint: NIODeadline?
    /// Told of every change, on the event loop.
    var onStatus: (@Sendable (ClusterStatus) -> Void)?

    init(
        transport: any PubSubTransport, policy: OutagePolicy, counters: ClusterCounters, logger: Logger
    ) {
        self.transport = transport
        self.eventLoop = transport.eventLoop
        self.policy = policy
        self.counters = counters
        self.logger = logger
        self.queue = PublishQueue(maximumBytes: policy.maximumBytes, maximumAge: policy.maximumAge)
        self.gate = ReplayGate(grace: policy.replayGrace)
    }

    // MARK: Life

    func start() {
        onLoop { self.transport.start(self) }
    }

    func close() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            onLoop {
                self.drainInbox()
                self.isClosed = true
                for message in self.queue.removeAll() { message.completion?(.failure(ClusterError.closed)) }
                self.updateStatus()
                continuation.resume()
            }
        }
        await transport.close()
        onLoop {
            self.handlers = [:]
            self.patternHandlers = [:]
        }
    }

    /// The state of the moment. From any thread.
    var status: ClusterStatus { sharedStatus.withLock { $0 } }

    /// Throws unless other nodes can be asked. From any thread.
    func requireAvailable() throws {
        switch status {
        case .up, .degraded: return
        case .connecting, .down, .closed: throw ClusterError.unavailable(status.description)
        }
    }

    func onLoop(_ body: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
    }

    // MARK: Publishing

    /// Sends a message: at once on the event loop, else in the order of the calls. From any thread.
    func publish(_ message: PublishMessage) {
        if eventLoop.inEventLoop {
            // What other threads have put there before keeps its place only among itself: nothing orders the two.
            return offer(message)
        }
        let isFirst = inbox.withLock { inbox in
            inbox.append(message)
            return inbox.count == 1
        }
        if isFirst { eventLoop.execute { self.drainInbox() } }
    }

    private func drainInbox() {
        let messages = inbox.withLock { inbox in
            defer { inbox.removeAll(keepingCapacity: inbox.count <= 4096) }
            return inbox
        }
        for message in messages { offer(message) }
    }

    private var isOpen: Bool { isPublisherUp && gate.isOpen }

    private func offer(_ message: PublishMessage) {
        message.counter?.value &+= 1
        guard !isClosed else { return fail(message, ClusterError.closed) }
        guard isPublisherUp else { return refuseOrKeep(message) }
        // A signal overtakes what waits for other nodes: they could not be heard of otherwise.
        guard queue.isEmpty && gate.isOpen || message.kind == .signal && !gate.isOpen else {
            return keep(message, isReplay: !gate.isOpen)
        }
        switch transport.publish(message.payload, to: message.channel) {
        case .accepted:
            queue.sent(message, at: .now())
            if message.kind == .data { counters.published.increment() }
        case .full: keep(message, isReplay: false)
        case .notConnected: refuseOrKeep(message)
        }
    }

    private func refuseOrKeep(_ message: PublishMessage) {
        if message.kind == .data, policy.mode == .buffer { return keep(message, isReplay: true) }
        if message.kind == .data {
            counters.lost.increment()
            if policy.mode == .fail, message.completion == nil {
                complain("A message was not sent to other nodes: Redis is not available", reason: downReason)
            }
        }
        message.completion?(.failure(ClusterError.unavailable(downReason)))
    }

    private func keep(_ message: PublishMessage, isReplay: Bool) {
        let now = NIODeadline.now()
        drop(queue.removeOld(at: now))
        drop(queue.append(message, at: now, isReplay: isReplay))
        counters.record(waitingBytes: queue.waitingBytes)
    }

    private func drop(_ messages: [PublishMessage]) {
        guard !messages.isEmpty else { return }
        counters.dropped.increment(by: messages.count { $0.kind == .data })
        for message in messages { message.completion?(.failure(ClusterError.dropped)) }
    }

    private func fail(_ message: PublishMessage, _ error: any Error) {
        if message.kind == .data { counters.lost.increment() }
        message.completion?(.failure(error))
    }

    /// Sends what waits, as far as Redis takes it.
    private func sendWaiting() {
        guard isOpen, !queue.isEmpty else { return }
        drop(queue.removeOld(at: .now()))
        while let message = queue.first {
            guard case .accepted = transport.publish(message.payload, to: message.channel) else { break }
            let isReplay = queue.firstWasSent()
            guard message.kind == .data else { continue }
            counters.published.increment()
            if isReplay { counters.replayed.increment() }
        }
        counters.record(waitingBytes: queue.waitingBytes)
    }

    // MARK: Subscribing

    /// Hands messages of channels and patterns to their handlers. Returns when Redis has confirmed everything.
    func subscribe(channels: [(String, Handler)], patterns: [(String, Handler)] = []) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            onLoop {
                guard !self.isClosed else { return continuation.resume(throwing: ClusterError.closed) }
                for (channel, handler) in channels { self.handlers[ByteBuffer(string: channel)] = handler }
                for (pattern, handler) in patterns { self.patternHandlers[ByteBuffer(string: pattern)] = handler }
                self.openSubscriptions += 1
                self.transport.subscribe(channels: channels.map(\.0), patterns: patterns.map(\.0)) { result in
                    self.openSubscriptions -= 1
                    if case .failure(let error) = result { self.refusal = "\(error)" }
                    self.updateStatus()
                    continuation.resume(with: result)
                }
            }
        }
    }

    func unsubscribe(channels: [String], patterns: [String] = []) {
        onLoop {
            guard !self.isClosed else { return }
            for channel in channels { self.handlers[ByteBuffer(string: channel)] = nil }
            for pattern in patterns { self.patternHandlers[ByteBuffer(string: pattern)] = nil }
            self.transport.unsubscribe(channels: channels, patterns: patterns)
        }
    }

    /// How many subscribers a channel has.
    func subscriberCount(of channel: String) async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            onLoop {
                self.transport.subscriberCounts(of: [channel]) { result in
                    continuation.resume(with: result.map { $0.first ?? 0 })
                }
            }
        }
    }

    // MARK: Knowing who listens

    /// Whether a signal sent now arrives after everything sent before it.
    var isOrderKept: Bool { gate.isOpen || queue.isEmpty }

    /// The nodes that subscribe to this channel should be back before waiting messages are sent.
    func watch(_ channel: String) {
        onLoop { self.watchedChannels.insert(channel) }
    }

    func unwatch(_ channel: String) {
        onLoop {
            self.watchedChannels.remove(channel)
            self.knownSubscribers[channel] = nil
        }
    }

    /// Whether what others send arrives here. On the event loop.
    var hearsOthers: Bool { isSubscriberUp }

    /// So many nodes listen on a channel, as is known from elsewhere. On the event loop.
    func expectListeners(on channel: String, count: Int) { knownSubscribers[channel] = count }

    /// Looks how many listen on the channels watched; on the event loop, now and then.
    func sampleSubscribers() {
        guard isOpen, isSubscriberUp, !watchedChannels.isEmpty else { return }
        // That of the peers comes first; servers of a namespace more or less are the same as those of another.
        let channels = Array(watchedChannels.sorted().prefix(64))
        transport.subscriberCounts(of: channels) { result in
            guard self.isOpen, self.isSubscriberUp, case .success(let counts) = result else { return }
            for (channel, count) in zip(channels, counts) { self.knownSubscribers[channel] = count }
        }
    }

    private func openGateWhenOthersAreBack() {
        guard isPublisherUp, let attempt = gate.attempt(at: .now()) else { return openGate() }
        let expected = knownSubscribers.filter { $0.value > 0 }
        let channels = expected.keys.sorted()
        guard isSubscriberUp else { return tryGateLater(attempt) }
        guard !channels.isEmpty else { return openGate() }
        transport.subscriberCounts(of: channels) { result in
            guard self.gate.isCurrent(attempt) else { return }
            if case .success(let counts) = result,
                zip(channels, counts).allSatisfy({ $1 >= expected[$0, default: 0] })
            {
                self.openGate()
            } else {
                self.tryGateLater(attempt)
            }
        }
    }

    /// This node has lost its subscriptions, and the others most likely theirs for the same reason: what is sent now would
    /// reach nobody. It waits, for a moment at most, until they are back.
    private func holdForOthers() {
        guard isOpen, policy.mode == .buffer, !knownSubscribers.isEmpty else { return }
        gate.begin(at: .now(), atMost: .milliseconds(250))
        openGateWhenOthersAreBack()
    }

    private func tryGateLater(_ attempt: Int) {
        eventLoop.scheduleTask(in: .milliseconds(10)) {
            guard self.gate.isCurrent(attempt) else { return }
            self.openGateWhenOthersAreBack()
        }
    }

    private func openGate() {
        guard isPublisherUp, !gate.isOpen else { return }
        gate.open()
        sendWaiting()
        updateStatus()
    }

    // MARK: Status

    private func updateStatus() {
        let status: ClusterStatus =
            if isClosed {
                .closed
            } else if let refusal, isPublisherUp {
                .degraded("a subscription was refused: \(refusal)")
            } else if isPublisherUp, isSubscriberUp {
                // Namespaces made later subscribe while everything else goes on.
                if !wasUp, patternHandlers.isEmpty || openSubscriptions > 0 {
                    .connecting
                } else {
                    gate.isOpen ? .up : .degraded("waiting for other nodes to be back")
                }
            } else if isPublisherUp {
                .degraded("other nodes are not heard: \(subscriberReason)")
            } else if isSubscriberUp {
                .degraded("other nodes are not reached: \(downReason)")
            } else {
                wasUp ? .down(downReason) : .connecting
            }
        if status == .up { wasUp = true }
        let previous = sharedStatus.withLock { shared in
            defer { shared = status }
            return shared
        }
        guard previous != status else { return }
        counters.record(isUp: status == .up)
        onStatus?(status)
        switch status {
        case .up, .closed, .connecting:
            logger.info("The cluster's state has changed", metadata: ["state": "\(status)"])
        case .degraded, .down:
            logger.warning("The cluster's state has changed", metadata: ["state": "\(status)"])
        }
    }

    /// A peer's fault: counted, and logged once a second at most.
    func invalid(_ what: String, _ error: any Error) {
        counters.invalid.increment()
        complain("A message of another node was dropped", reason: "\(what): \(error)")
    }

    private func complain(_ text: Logger.Message, reason: String) {
        let now = NIODeadline.now()
        if let lastComplaint, now - lastComplaint < .seconds(1) { return }
        lastComplaint = now
        logger.warning(text, metadata: ["reason": "\(reason)"])
    }
}

extension RedisBus: PubSubTransportDelegate {
    func publisherChanged(isUp: Bool, reason: String) {
        guard isUp != isPublisherUp, !isClosed else { return }
        isPublisherUp = isUp
        if isUp {
            gate.begin(at: .now())
            openGateWhenOthersAreBack()
        } else {
            downReason = reason
            gate.close()
            let keepsData = policy.mode == .buffer
            let lost = queue.connectionLost { $0.kind == .data && keepsData }
            counters.lost.increment(by: lost.count { $0.kind == .data })
            for message in lost { message.completion?(.failure(ClusterError.unavailable(reason))) }
        }
        updateStatus()
    }

    func publisherHasRoom() { sendWaiting() }

    func published(_ outcome: TransportOutcome) {
        guard let message = queue.settled(returns: { if case .notSent = outcome { true } else { false } }()) else {
            return
        }
        switch outcome {
        case .delivered(let receivers): message.completion?(.success(receivers))
        case .notSent: break
        case .refused(let error):
            if message.kind == .data { counters.refused.increment() }
            message.completion?(.failure(error))
            if message.completion == nil { complain("Redis refused a message", reason: "\(error)") }
        case .unknown:
            if message.kind == .data { counters.unconfirmed.increment() }
            message.completion?(.failure(ClusterError.unconfirmed))
        }
    }

    func subscriberChanged(isUp: Bool, reason: String) {
        guard isUp != isSubscriberUp, !isClosed else { return }
        isSubscriberUp = isUp
        if !isUp {
            subscriberReason = reason
            holdForOthers()
        }
        updateStatus()
    }

    func received(_ payload: ByteBuffer, channel: ByteBuffer, pattern: ByteBuffer?) {
        if let pattern { patternHandlers[pattern]?(payload, channel) } else { handlers[channel]?(payload, channel) }
    }

    func receivedOversized() {
        invalid("oversized", ClusterError.oversized)
    }
}
