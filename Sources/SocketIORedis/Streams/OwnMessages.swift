// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore

/// The messages of an ordered namespace that this node has published and not read back yet. The node delivers them when
/// it reads them, because only then do they have a place in the order of all nodes. Lives on the bus's event loop.
///
///     offered ──▶ sent ── reply with the id ──▶ known ── entry is read ──▶ gone, delivered by now
///                  └── entry is read ──▶ read, no reply yet ── reply ──────────▲
///
/// While Redis cannot be reached, messages are delivered at once, *early*, and passed over when they are read in the
/// end. The id in Redis's reply tells which entry is which message. An entry can be read before that reply has been
/// handled; Redis adds what one connection sends in the order in which it was sent, so the first unknown entry is that of
/// the first message without a reply, and nothing has to wait for the reply.
///
/// That does not hold after a connection broke and it never became known whether Redis had taken a message: its
/// entry, a *ghost*, may still come, also much later. As long as one may come and a message that is not early has no
/// reply, an unknown entry of this node waits for the reply to that message, and the entries behind it with it.
final class OwnMessages {
    /// What is to be done with an entry of this node.
    enum Decision: Equatable {
        /// Deliver it, with the coalescing key of the message, if that is known.
        case new(CoalescingKey?)
        /// It was delivered before.
        case delivered
    }

    private struct Entry {
        let message: OwnMessage
        /// Counts the early messages from 1; 0 for one that is delivered when its entry is read.
        var early: UInt64 = 0
        /// Its connection broke, and its fate will never be known.
        var isInDoubt = false

        var isEarly: Bool { early > 0 }
        var decision: Decision { isEarly ? .delivered : .new(message.coalescingKey) }
    }

    /// Something that waits behind an undecided entry; the entry itself when there is an id.
    private struct Waiting {
        let id: RedisStreamID?
        let pass: (Decision) -> Void
    }

    /// Messages without a reply, in the order in which they leave. Early ones come first.
    private var sent = CircularBuffer<Entry>()
    /// Messages whose entry is known and has not been read, by id.
    private var known = CircularBuffer<(id: RedisStreamID, entry: Entry)>()
    /// Entries that have been read before the reply. Without ghosts they are those of the first messages in ``sent``.
    private var reads = CircularBuffer<RedisStreamID>()
    private var waiting = CircularBuffer<Waiting>()
    /// How many entries of messages in doubt may still come.
    private(set) var ghosts = 0
    /// When the first of them could have come, by the ids of entries.
    private var ghostsSince: RedisStreamID?
    /// The newest id in a reply, and the newest entry of this node that has been passed on.
    private var newestReply = RedisStreamID.zero
    private var newestRead = RedisStreamID.zero
    private var firstAfterGap = RedisStreamID.zero
    private var lastNumber: UInt64 = 0
    /// Messages that are about to be delivered, with the number of early ones. What that calls may send messages itself.
    private var due = CircularBuffer<(message: OwnMessage, early: UInt64)>()
    private var isDelivering = false
    private var fences: [(number: UInt64, run: () -> Void)] = []
    /// Whether messages get their place in the order at once.
    private(set) var isOpen: Bool
    /// The early messages, also those of earlier outages, as far as clients that return may ask for them.
    private(set) var early = EarlyEntries()
    /// Told before a message is delivered early.
    var onEarly: (_ number: UInt64) -> Void = { _ in }
    /// Told when all early messages have been read.
    var onSettled: () -> Void = {}

    /// After so long the entry of a message in doubt no longer comes.
    private static let ghostLife: UInt64 = 600_000
    /// The most entries that wait.
    private static let maximumWaiting = 10_000

    init(isOpen: Bool = true) { self.isOpen = isOpen }

    /// Whether an entry waits for a decision.
    var isWaiting: Bool { !waiting.isEmpty }

    /// Whether the entries of all early messages are known and have been read.
    var isSettled: Bool { isOpen && waiting.isEmpty && !early.isOpen }

    // MARK: Messages

    /// Takes a message that is about to leave.
    func add(_ message: OwnMessage) {
        lastNumber += 1
        message.number = lastNumber
        sent.append(Entry(message: message))
        guard !isOpen else { return }
        markEarly(&sent[sent.index(before: sent.endIndex)])
        deliverDue()
    }

    /// Redis has added a message.
    ///
    /// - Parameter id: Nil when it is only known that there is an entry, and that it has been read.
    func added(_ message: OwnMessage, _ id: RedisStreamID?) {
        guard let entry = remove(message) else { return }
        guard let id else {
            settle(entry, reads.popFirst())
            return changed()
        }
        newestReply = max(newestReply, id)
        var isRead = false
        while let first = reads.first, first <= id {
            reads.removeFirst()
            if first == id { isRead = true } else { ghostCame() }
        }
        if isRead || entry.isEarly && id <= newestRead {
            settle(entry, id)
        } else if id <= newestRead || id < firstAfterGap {
            missed(entry)
        } else {
            known.append((id, entry))
        }
        forgetOldGhosts(id)
        changed()
    }

    /// A message does not leave, or (`isInDoubt`) it is not known whether Redis has it.
    func failed(_ message: OwnMessage, isInDoubt: Bool) {
        if isInDoubt {
            // The loss of the connection is told next, unless it was before.
            if let index = index(of: message) { sent[index].isInDoubt = true }
            return
        }
        guard let entry = remove(message) else { return }
        missed(entry)
        changed()
    }

    /// Messages get their place in the order again, or do not: then all are delivered at once, in order.
    func setOpen(_ isOpen: Bool) {
        self.isOpen = isOpen
        if !isOpen {
            settleReads()
            releaseWaiting()
            markEarly()
        }
        countDoubts()
        deliverDue()
        changed()
    }

    /// Runs `body` when all messages offered until now have been delivered.
    func whenDelivered(_ body: @escaping () -> Void) {
        fences.append((lastNumber, body))
        runFences()
    }

    // MARK: Entries

    /// Passes on an entry of this node when it is decided what to do with it: mostly at once.
    func read(_ id: RedisStreamID, _ pass: @escaping (Decision) -> Void) {
        guard waiting.isEmpty, let decision = decide(id) else {
            return wait(Waiting(id: id, pass: pass))
        }
        deliverDue()
        pass(decision)
        changed()
    }

    /// Passes on an entry of another node, behind the entries that wait.
    func pass(_ body: @escaping () -> Void) {
        guard !waiting.isEmpty else { return body() }
        wait(Waiting(id: nil) { _ in body() })
    }

    /// Entries before this one are gone unread.
    func skipped(before id: RedisStreamID) {
        firstAfterGap = max(firstAfterGap, id)
        while let first = known.first, first.id < id { missed(known.removeFirst().entry) }
        changed()
    }

    private func decide(_ id: RedisStreamID) -> Decision? {
        while let first = known.first, first.id < id { missed(known.removeFirst().entry) }
        guard let decision = decideNext(id) else { return nil }
        newestRead = max(newestRead, id)
        return decision
    }

    private func decideNext(_ id: RedisStreamID) -> Decision? {
        if let first = known.first, first.id == id {
            let entry = known.removeFirst().entry
            settle(entry, id)
            return entry.decision
        }
        guard ghosts > 0 else {
            guard reads.count < sent.count else { return .new(nil) }
            reads.append(id)
            return sent[sent.index(sent.startIndex, offsetBy: reads.count - 1)].decision
        }
        // A reply with this id would have come before the newest one.
        if id <= newestReply || sent.isEmpty {
            ghostCame()
            return .delivered
        }
        guard sent.last?.isEarly == true else { return nil }
        reads.append(id)
        return .delivered
    }

    private func wait(_ entry: Waiting) {
        waiting.append(entry)
        if waiting.count > Self.maximumWaiting { releaseWaiting() }
    }

    /// Passes on what has been decided by now.
    private func passWaiting() {
        while let first = waiting.first {
            if let id = first.id {
                guard let decision = decide(id) else { return }
                waiting.removeFirst()
                deliverDue()
                first.pass(decision)
            } else {
                waiting.removeFirst()
                first.pass(.delivered)
            }
        }
    }

    /// Passes everything on: the messages to which the entries may belong are about to be delivered early.
    private func releaseWaiting() {
        guard !waiting.isEmpty else { return }
        markEarly()
        while let first = waiting.popFirst() {
            if let id = first.id { newestRead = max(newestRead, id) }
            first.pass(.delivered)
        }
    }

    // MARK: Ends

    private func changed() {
        deliverDue()
        passWaiting()
        runFences()
        guard isOpen, waiting.isEmpty, early.isOpen, sent.first?.isEarly != true,
            !known.contains(where: { $0.entry.isEarly })
        else { return }
        early.close()
        onSettled()
    }

    /// Delivers everything early that has not been delivered; ``deliverDue()`` follows.
    private func markEarly() {
        for index in known.indices where !known[index].entry.isEarly { markEarly(&known[index].entry) }
        // Early messages come first.
        let first = sent.lastIndex { $0.isEarly }.map { sent.index(after: $0) } ?? sent.startIndex
        for index in sent.indices[first...] { markEarly(&sent[index]) }
    }

    private func markEarly(_ entry: inout Entry) {
        entry.early = early.next()
        due.append((entry.message, entry.early))
    }

    private func deliverDue() {
        guard !isDelivering else { return }
        isDelivering = true
        while let (message, number) = due.popFirst() {
            if number > 0 { onEarly(number) }
            message.deliver()
        }
        isDelivering = false
    }

    /// The entry of a message has been read.
    private func settle(_ entry: Entry, _ id: RedisStreamID?) {
        if entry.isEarly, let id { early.add(id, number: entry.early) }
    }

    /// The entry of a message was not read, and will not be.
    private func missed(_ entry: Entry) {
        if !entry.isEarly { due.append((entry.message, 0)) }
    }

    /// Entries were read whose replies will not come, or not before other messages are delivered early.
    private func settleReads() {
        if ghosts == 0 {
            while let id = reads.popFirst(), let entry = sent.popFirst() { settle(entry, id) }
        }
        reads.removeAll()
    }

    private func countDoubts() {
        let doubts = sent.count { $0.isInDoubt }
        guard doubts > 0 else { return }
        sent.removeAll { $0.isInDoubt }
        ghosts += doubts
        ghostsSince = nil
    }

    private func ghostCame() { ghosts = max(ghosts - 1, 0) }

    private func forgetOldGhosts(_ id: RedisStreamID) {
        guard ghosts > 0 else { return }
        let since = ghostsSince ?? id
        ghostsSince = since
        if id.milliseconds > since.milliseconds + Self.ghostLife { ghosts = 0 }
    }

    private func runFences() {
        guard !fences.isEmpty else { return }
        let unread = ghosts == 0 ? sent.dropFirst(reads.count) : sent[...]
        let first = (known.first { !$0.entry.isEarly }?.entry ?? unread.first { !$0.isEarly })?.message.number ?? .max
        while let fence = fences.first, fence.number < first {
            fences.removeFirst()
            fence.run()
        }
    }

    /// Messages are numbered in their order.
    private func index(of message: OwnMessage) -> CircularBuffer<Entry>.Index? {
        var (low, high) = (0, sent.count)
        while low < high {
            let middle = (low + high) / 2
            if sent[sent.index(sent.startIndex, offsetBy: middle)].message.number < message.number {
                low = middle + 1
            } else {
                high = middle
            }
        }
        let index = sent.index(sent.startIndex, offsetBy: low)
        guard index < sent.endIndex, sent[index].message === message else { return nil }
        return index
    }

    private func remove(_ message: OwnMessage) -> Entry? { index(of: message).map { sent.remove(at: $0) } }
}
