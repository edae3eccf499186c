// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// A message on its way to the other nodes.
struct PublishMessage: Sendable {
    enum Kind: Sendable {
        /// Meant for clients or servers: waits through an outage if the policy says so.
        case data
        /// Of use only now: requests, responses, heartbeats.
        case signal
    }

    let channel: ByteBuffer
    let payload: ByteBuffer
    var kind = Kind.data
    /// Counts the message when its place in the order is settled.
    var counter: OrderedCount?
    /// Told once: how many subscribers got it, or why not.
    var completion: (@Sendable (Result<Int, any Error>) -> Void)?

    /// What it counts for, bookkeeping included.
    var size: Int { channel.readableBytes + payload.readableBytes + 128 }
}

/// A number of messages, in the order they leave. Confined to the bus's event loop, hence `@unchecked Sendable`.
final class OrderedCount: @unchecked Sendable {
    var value: UInt64 = 0
}

/// The messages that Redis has not confirmed, in order: those sent, and those that wait because Redis is away or slow.
///
///     append ─▶ waiting ── next ─▶ in flight ── delivered, refused or unknown ─▶ gone
///                  ▲   └─ too old, or too much waits ─▶ dropped
///                  └────── not sent ──────┘
///
/// Bounded in bytes and age. Time is an argument.
struct PublishQueue {
    struct Entry {
        let message: PublishMessage
        let enqueued: NIODeadline
        /// It has waited through a time without Redis.
        var isReplay = false
    }

    private let maximumBytes: Int
    private let maximumAge: TimeAmount
    private var waiting = CircularBuffer<Entry>()
    private var inFlight = CircularBuffer<Entry>()
    private var notSent: [Entry] = []
    private(set) var waitingBytes = 0

    init(maximumBytes: Int, maximumAge: TimeAmount) {
        self.maximumBytes = maximumBytes
        self.maximumAge = maximumAge
    }

    var waitingCount: Int { waiting.count }
    var isEmpty: Bool { waiting.isEmpty }
    var inFlightCount: Int { inFlight.count }

    /// A message has been handed to Redis without waiting.
    mutating func sent(_ message: PublishMessage, at now: NIODeadline) {
        inFlight.append(Entry(message: message, enqueued: now))
    }

    /// A message has to wait. Returns what is dropped for it, perhaps itself.
    mutating func append(_ message: PublishMessage, at now: NIODeadline, isReplay: Bool) -> [PublishMessage] {
        guard message.size <= maximumBytes else { return [message] }
        waiting.append(Entry(message: message, enqueued: now, isReplay: isReplay))
        waitingBytes += message.size
        var dropped: [PublishMessage] = []
        while waitingBytes > maximumBytes { dropped.append(removeFirst().message) }
        return dropped
    }

    /// Removes what has become too old.
    mutating func removeOld(at now: NIODeadline) -> [PublishMessage] {
        var dropped: [PublishMessage] = []
        while let first = waiting.first, now - first.enqueued > maximumAge { dropped.append(removeFirst().message) }
        return dropped
    }

    /// The message whose turn it is.
    var first: PublishMessage? { waiting.first?.message }

    /// The first waiting message has been handed to Redis. Returns whether that is a replay.
    mutating func firstWasSent() -> Bool {
        let entry = removeFirst()
        inFlight.append(entry)
        return entry.isReplay
    }

    /// The oldest message in flight has met its fate; nil when there is none. One that never left waits again once the
    /// connection is known to be lost.
    mutating func settled(returns: Bool) -> PublishMessage? {
        guard let entry = inFlight.popFirst() else { return nil }
        if returns { notSent.append(entry) }
        return entry.message
    }

    /// The connection is lost, all outcomes have been told: what never left takes its place at the front again. Returns
    /// what cannot wait.
    mutating func connectionLost(keeps: (PublishMessage) -> Bool) -> [PublishMessage] {
        // Nothing is left in flight when the transport keeps its word.
        for entry in inFlight { notSent.append(entry) }
        inFlight.removeAll()
        for index in waiting.indices { waiting[index].isReplay = true }
        var dropped: [PublishMessage] = []
        for var entry in notSent.reversed() {
            guard keeps(entry.message) else {
                dropped.append(entry.message)
                continue
            }
            entry.isReplay = true
            waiting.prepend(entry)
            waitingBytes += entry.message.size
        }
        notSent = []
        while waitingBytes > maximumBytes { dropped.append(removeFirst().message) }
        return dropped
    }

    /// Takes everything out.
    mutating func removeAll() -> [PublishMessage] {
        let all = inFlight.map(\.message) + waiting.map(\.message)
        inFlight.removeAll()
        waiting.removeAll()
        notSent = []
        waitingBytes = 0
        return all
    }

    private mutating func removeFirst() -> Entry {
        let entry = waiting.removeFirst()
        waitingBytes -= entry.message.size
        return entry
    }
}
