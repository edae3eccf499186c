// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import NIOCore
internal import SocketIOCluster

/// The way out: hands messages to Redis in order, keeps or loses them through an outage as the policy says, and tells what
/// became of each.
///
/// Sends while the publishing connection is up and the gate is open; `gate` is turned by ``RedisBusCore``. Lives on the
/// bus's event loop.
final class Outbox {
    private enum Link {
        case down(reason: String)
        case up
    }

    private let transport: any PubSubTransport
    private let policy: OutagePolicy
    private let counters: ClusterCounters
    private let log: RateLimitedLogger<ClusterLogKind>
    private var queue: PublishQueue
    private var echoes = EchoTracker()
    private var link = Link.down(reason: "no connection yet")
    private var isClosed = false
    /// Other nodes drop what is larger.
    private let maximumMessageBytes: Int
    /// Whether data may leave; signals may whenever the link is up.
    private(set) var isGateOpen = false

    init(
        transport: any PubSubTransport, policy: OutagePolicy, counters: ClusterCounters,
        log: RateLimitedLogger<ClusterLogKind>, maximumMessageBytes: Int = .max
    ) {
        self.maximumMessageBytes = maximumMessageBytes
        self.transport = transport
        self.policy = policy
        self.counters = counters
        self.log = log
        queue = PublishQueue(maximumBytes: policy.maximumBytes, maximumAge: TimeAmount(policy.maximumAge))
    }

    private var isUp: Bool { if case .up = link { true } else { false } }

    /// Whether a signal sent now arrives after everything sent before it.
    var isOrderKept: Bool { isGateOpen || queue.isOrderKept }

    // MARK: Messages

    func offer(_ message: PublishMessage) {
        message.own?.offered()
        guard message.payloadLength <= maximumMessageBytes else { return refuse(message) }
        if message.isBroadcast { message.source?.countBroadcast() }
        guard !isClosed else { return fail(message, ClusterError.closed) }
        guard isUp else { return refuseOrKeep(message) }
        // A signal overtakes what waits for other nodes: they could not be heard of otherwise.
        guard queue.isEmpty && isGateOpen || message.kind == .signal && !isGateOpen else {
            return keep(message, isReplay: !isGateOpen)
        }
        switch transport.publish(message.command) {
        case .accepted:
            queue.sent(message, at: transport.eventLoop.now, epoch: epoch(of: message))
            if message.kind == .data { counters.published.increment() }
        case .full: keep(message, isReplay: false)
        case .notConnected: refuseOrKeep(message)
        }
    }

    /// It is so large that the other nodes would drop it.
    private func refuse(_ message: PublishMessage) {
        counters.refused(.sentBytes)
        let error = ClusterError.tooLarge(message.payloadLength, limit: maximumMessageBytes)
        log.log(.tooLarge, ["reason": "\(error.message)"])
        message.failed(error)
    }

    private func refuseOrKeep(_ message: PublishMessage) {
        if message.kind == .data, policy.mode == .buffer { return keep(message, isReplay: true) }
        let reason = if case .down(let reason) = link { reason } else { "the connection is about to end" }
        if message.kind == .data {
            counters.lost.increment()
            if policy.mode == .fail, message.completion == nil {
                log.log(.notSent, ["reason": "\(reason)"])
            }
        }
        message.failed(ClusterError.unavailable(reason))
    }

    private func keep(_ message: PublishMessage, isReplay: Bool) {
        let now = transport.eventLoop.now
        drop(queue.removeOld(at: now))
        drop(queue.append(message, at: now, isReplay: isReplay))
        counters.record(waitingBytes: queue.waitingBytes)
    }

    private func drop(_ messages: [PublishMessage]) {
        guard !messages.isEmpty else { return }
        counters.dropped.increment(by: messages.count { $0.kind == .data })
        for message in messages { message.failed(ClusterError.dropped) }
    }

    private func fail(_ message: PublishMessage, _ error: any Error) {
        if message.kind == .data { counters.lost.increment() }
        message.failed(error)
    }

    /// Sends what waits, as far as Redis takes it.
    func sendWaiting() {
        guard isUp, isGateOpen, !queue.isEmpty else { return }
        let now = transport.eventLoop.now
        drop(queue.removeOld(at: now))
        while let message = queue.first {
            guard case .accepted = transport.publish(message.command) else { break }
            let isReplay = queue.firstWasSent(epoch(of: message))
            guard message.kind == .data else { continue }
            counters.published.increment()
            if isReplay { counters.replayed.increment() }
        }
        counters.record(waitingBytes: queue.waitingBytes)
    }

    /// What has become of the oldest message handed to Redis.
    func settled(_ outcome: TransportOutcome) {
        switch outcome {
        case .delivered(let receivers):
            guard let entry = queue.settled(.done) else { return }
            echoes.passedOn(entry)
            entry.message.succeeded(receivers)
        case .appended(let id):
            guard let entry = queue.settled(.done) else { return }
            echoes.passedOn(entry)
            entry.message.succeeded(1, id: id)
        case .notSent:
            _ = queue.settled(.notSent)
        case .refused(let error):
            guard let message = queue.settled(.done)?.message else { return }
            if message.kind == .data { counters.refused.increment() }
            message.failed(error)
            if message.completion == nil { log.log(.refused, ["reason": "\(error)"]) }
        case .unknown(let serverEnded):
            let isInDoubt =
                serverEnded && policy.mode == .buffer && echoes.isCounting && queue.oldestInFlight?.kind == .data
            guard let message = queue.settled(isInDoubt ? .inDoubt : .done)?.message, !isInDoubt else { return }
            unconfirmed(message)
        }
    }

    private func unconfirmed(_ message: PublishMessage) {
        if message.kind == .data {
            counters.unconfirmed.increment()
        }
        // It may still be heard, or not.
        if message.kind == .data || message.source != nil { echoes.becameUnsure() }
        message.failed(ClusterError.unconfirmed)
    }

    // MARK: Doubts

    /// Whether there are messages that Redis may have passed on before the connection was lost, or not.
    var hasDoubts: Bool { !queue.doubtful.isEmpty }

    /// Whether it is known how much of its own messages this node hears: what may be in doubt can be told from what cannot.
    var isCounting: Bool { echoes.isCounting }

    /// Everything has been heard that Redis took before the connection was lost, or (false) that will never be known.
    func endDoubts(hasHeardAll: Bool) {
        guard hasDoubts else { return }
        let (passedOn, unknown, dropped) = queue.settleDoubts(
            passedOn: hasHeardAll ? echoes.passedOn(of: queue.doubtful) : nil)
        for entry in passedOn {
            echoes.passedOn(entry)
            // This node, at least, has got it.
            entry.message.succeeded(1)
        }
        for message in unknown { unconfirmed(message) }
        drop(dropped)
    }

    /// A message with data of this node has come back.
    func heard(_ payload: ByteBuffer) { echoes.heard(payload) }

    /// Whether an echo should be sent.
    var isUnsure: Bool { echoes.isUnsure }

    /// The last echo sent has come back.
    func heardEcho() { echoes.echoHeard() }

    /// It will not come.
    func echoLost() { echoes.echoLost() }

    /// From now on this node hears more or less of its own messages than before, or one has been lost on its way in.
    func hearingChanged() { echoes.becameUnsure() }

    /// What is sent now belongs to this epoch; an echo may begin one.
    private func epoch(of message: PublishMessage) -> EchoTracker.CountingEpoch {
        if message.isEcho { echoes.echoSent() }
        return echoes.epoch(of: message)
    }

    // MARK: Link

    func linkUp() { link = .up }

    /// The outcomes of everything sent have been told.
    func linkLost(reason: String) {
        link = .down(reason: reason)
        isGateOpen = false
        echoes.echoLost()
        let keepsData = policy.mode == .buffer
        let lost = queue.connectionLost { $0.kind == .data && keepsData }
        counters.lost.increment(by: lost.count { $0.kind == .data })
        for message in lost { message.failed(ClusterError.unavailable(reason)) }
    }

    func setGate(isOpen: Bool) { isGateOpen = isOpen }

    /// The end: what waits fails.
    func close() {
        isClosed = true
        for message in queue.removeAll() { message.failed(ClusterError.closed) }
    }
}
