// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The messages that Redis has not confirmed, in order: those sent, and those that wait because Redis is away or slow.
///
///     append ─▶ waiting ── next ─▶ in flight ── delivered or refused ─▶ gone
///                │  ▲                 │
///                │  ├── not sent ─────┤
///                │  └── in doubt ◀────┘ connection lost
///                └─ too old, or too much waits ─▶ dropped
///
/// Bounded in bytes and age. Time is an argument.
struct PublishQueue {
    struct Entry {
        let message: PublishMessage
        let enqueued: NIODeadline
        /// It has waited through a time without Redis.
        var isReplay = false
        /// Set when it is handed to Redis.
        var epoch = EchoTracker.CountingEpoch.none
    }

    /// What has become of the oldest message in flight.
    enum Fate {
        case done
        /// It never left: it waits again once the connection is known to be lost.
        case notSent
        /// It left, and the reply will never come: kept until ``settleDoubts(passedOn:)``.
        case inDoubt
    }

    private let maximumBytes: Int
    private let maximumAge: TimeAmount
    private var waiting = CircularBuffer<Entry>()
    private var inFlight = CircularBuffer<Entry>()
    private var notSent: [Entry] = []
    private(set) var doubtful: [Entry] = []
    private(set) var waitingBytes = 0

    init(maximumBytes: Int, maximumAge: TimeAmount) {
        self.maximumBytes = maximumBytes
        self.maximumAge = maximumAge
    }

    var isEmpty: Bool { waiting.isEmpty }
    var inFlightCount: Int { inFlight.count }
    /// Whether everything that was published before has reached Redis before what is published now.
    var isOrderKept: Bool { waiting.isEmpty && doubtful.isEmpty }

    /// A message has been handed to Redis without waiting.
    mutating func sent(_ message: PublishMessage, at now: NIODeadline, epoch: EchoTracker.CountingEpoch = .none) {
        inFlight.append(Entry(message: message, enqueued: now, epoch: epoch))
    }

    /// A message has to wait. Returns what is dropped for it, perhaps itself.
    mutating func append(_ message: PublishMessage, at now: NIODeadline, isReplay: Bool) -> [PublishMessage] {
        guard message.size <= maximumBytes else { return [message] }
        waiting.append(Entry(message: message, enqueued: now, isReplay: isReplay))
        waitingBytes += message.size
        return removeExcess()
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
    mutating func firstWasSent(_ epoch: EchoTracker.CountingEpoch = .none) -> Bool {
        var entry = removeFirst()
        entry.epoch = epoch
        inFlight.append(entry)
        return entry.isReplay
    }

    /// The oldest message in flight has met its fate; nil when there is none.
    mutating func settled(_ fate: Fate) -> Entry? {
        guard let entry = inFlight.popFirst() else { return nil }
        switch fate {
        case .done: break
        case .notSent: notSent.append(entry)
        case .inDoubt: doubtful.append(entry)
        }
        return entry
    }

    /// The oldest message in flight.
    var oldestInFlight: PublishMessage? { inFlight.first?.message }

    /// The connection is lost, all outcomes have been told: what never left takes its place at the front again. Returns
    /// what cannot wait.
    mutating func connectionLost(keeps: (PublishMessage) -> Bool) -> [PublishMessage] {
        // Nothing is left in flight when the transport keeps its word.
        for entry in inFlight { notSent.append(entry) }
        inFlight.removeAll()
        for index in waiting.indices { waiting[index].isReplay = true }
        let dropped = notSent.filter { !keeps($0.message) }.map(\.message)
        putBack(notSent.filter { keeps($0.message) })
        notSent = []
        return dropped + removeExcess()
    }

    /// It is known how many of the messages in doubt have been passed on, or that it will never be: nil. Those that were
    /// not take their place at the front again.
    mutating func settleDoubts(
        passedOn: Int?
    ) -> (passedOn: [Entry], unknown: [PublishMessage], dropped: [PublishMessage]) {
        let doubts = doubtful
        doubtful = []
        guard let passedOn else { return ([], doubts.map(\.message), []) }
        putBack(doubts.dropFirst(passedOn))
        return (Array(doubts.prefix(passedOn)), [], removeExcess())
    }

    /// Takes everything out.
    mutating func removeAll() -> [PublishMessage] {
        let all = doubtful.map(\.message) + inFlight.map(\.message) + waiting.map(\.message)
        inFlight.removeAll()
        waiting.removeAll()
        notSent = []
        doubtful = []
        waitingBytes = 0
        return all
    }

    private mutating func putBack(_ entries: some BidirectionalCollection<Entry>) {
        for var entry in entries.reversed() {
            entry.isReplay = true
            waiting.prepend(entry)
            waitingBytes += entry.message.size
        }
    }

    private mutating func removeExcess() -> [PublishMessage] {
        var dropped: [PublishMessage] = []
        while waitingBytes > maximumBytes { dropped.append(removeFirst().message) }
        return dropped
    }

    private mutating func removeFirst() -> Entry {
        let entry = waiting.removeFirst()
        waitingBytes -= entry.message.size
        return entry
    }
}
