// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import NIOConcurrencyHelpers
package import NIOCore
internal import Synchronization

/// Everything of the engine that lives on one event loop (design 4): sessions by sid, the outbound queue of the tick and
/// the heartbeat wheel.
///
/// Confined to its event loop, which is why it may be `@unchecked Sendable`; only ``run(_:)`` may be called from
/// elsewhere, and what it touches is behind a lock.
package final class Shard: @unchecked Sendable {
    private struct Inbox {
        var work: [@Sendable () -> Void] = []
        var isScheduled = false
    }

    /// Position among the server's shards; part of every sid.
    package let index: Int
    package let eventLoop: any EventLoop
    let heartbeats: HeartbeatWheel
    /// What has passed through; on the loop only.
    package var traffic = ShardTraffic()
    /// How late the loop has been; on the loop only.
    var lag = LoopLag()
    /// The last of those measurements, and when the next is due: for those who must not wait for the loop. Uptime in
    /// nanoseconds; 0 while nothing is measured.
    private let lastLag = Atomic<UInt64>(0)
    private let lagDue = Atomic<UInt64>(0)
    private var lagProbe: Scheduled<Void>?

    private let inbox = NIOLockedValueBox(Inbox())
    /// Whether the inbox holds work; spares the lock where there is none.
    private let hasMail = Atomic(false)
    /// With one shard nobody shares reference counts, so staged messages need no copy.
    private let copiesStagedMessages: Bool
    /// In memory of this loop, like everything that is sent often.
    private let ping = OutboundMessage(head: OutboundPacket.ping.copied())
    private var stagedPing = StagedMessage(index: -1, tick: 0)
    private var sessions = SessionTable()
    private let queue: OutboundQueue
    /// Puts together, and unpacks, the messages of this loop's WebSockets.
    let assembler: SpareAssembler
    /// What the plaintext connections of this loop read into.
    let receiveBuffer = SpareBuffer()
    private var slots = OutboundSlots()
    /// Slots with something to deliver at the end of the tick, and the memory of the last such list.
    private var dirty: [Int32] = []
    private var spareList: [Int32] = []
    private var isFlushScheduled = false
    private var isDelivering = false
    private var deferred: [() -> Void] = []
    /// What came from the inbox, and how much of it was begun.
    private var mail: [@Sendable () -> Void] = []
    private var nextMail = 0

    init(
        index: Int, eventLoop: any EventLoop, isOnlyShard: Bool, heartbeatResolution: TimeAmount,
        compression: PerMessageDeflateConfiguration? = nil
    ) {
        self.queue = OutboundQueue(compressor: compression.map { FrameCompressor($0) })
        self.assembler = SpareAssembler(inflater: compression == nil ? nil : FrameInflater())
        self.index = index
        self.eventLoop = eventLoop
        self.copiesStagedMessages = !isOnlyShard
        self.heartbeats = HeartbeatWheel(eventLoop: eventLoop, resolution: heartbeatResolution)
    }

    // MARK: Work from elsewhere

    /// Runs `work` on the shard's loop: at once when called there, else queued behind earlier work and run within the
    /// loop's next tick, all that has gathered in one go.
    package func run(_ work: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { return work() }
        let mustSchedule = inbox.withLockedValue { inbox in
            inbox.work.append(work)
            hasMail.store(true, ordering: .releasing)
            defer { inbox.isScheduled = true }
            return !inbox.isScheduled
        }
        if mustSchedule { eventLoop.execute { self.emptyInbox() } }
    }

    /// Does what others have asked for so far, before what a client has sent is looked at. A loop that woke up late may
    /// find both: the client may have acted on what it saw elsewhere, such as leaving a room after a broadcast that is
    /// still waiting here.
    func catchUp() {
        eventLoop.assertInEventLoop()
        if hasMail.load(ordering: .acquiring) { emptyInbox() }
    }

    /// What is done may call `catchUp`, and then comes back here: the order stays that of arrival.
    private func emptyInbox() {
        let work = inbox.withLockedValue { inbox in
            inbox.isScheduled = false
            hasMail.store(false, ordering: .relaxed)
            return exchange(&inbox.work, with: [])
        }
        if mail.isEmpty { mail = work } else { mail.append(contentsOf: work) }
        while nextMail < mail.count {
            let item = mail[nextMail]
            nextMail += 1
            item()
        }
        mail = []
        nextMail = 0
    }

    // MARK: Sending

    /// Puts a message aside for the sessions of this shard, for the current tick: one copy per shard, however many
    /// sessions it is sent to. On the shard's loop only.
    package func stage(_ message: OutboundMessage) -> StagedMessage {
        eventLoop.assertInEventLoop()
        // Even a message that finds no recipient has to be forgotten at the end of the tick.
        scheduleFlush()
        return queue.stage(copiesStagedMessages ? message.copied() : message)
    }

    /// Sends a staged message to a session of this shard; dropped silently unless the session is open. It leaves at the
    /// end of the tick, joined with everything else for that session. On the shard's loop only.
    package func send(_ staged: StagedMessage, to session: EngineSession) {
        eventLoop.assertInEventLoop()
        assert(session.shard === self, "a message is staged on the shard of its recipient")
        assert(staged.tick == queue.tick, "a staged message belongs to the tick it was staged in")
        send(staged, to: session.slot)
    }

    /// The same by the session's ``EngineSession/slot``, which needs no look at the session.
    package func send(_ staged: StagedMessage, to slot: Int32) {
        guard slots.isOpen(slot), staged.tick == queue.tick else { return }
        append(staged, to: slot)
    }

    /// As staging and sending, for a message that nobody else receives.
    func send(_ message: OutboundMessage, to session: EngineSession) {
        append(queue.stage(message), to: session.slot)
    }

    /// Pings due in one tick share one staged message, so their frames are shared as well.
    func sendPing(to session: EngineSession) {
        if stagedPing.tick != queue.tick || stagedPing.index < 0 { stagedPing = queue.stage(ping) }
        append(stagedPing, to: session.slot)
    }

    /// Compresses frames for WebSockets of this shard; nil when compression is turned off. On the loop only.
    var compressor: FrameCompressor? { queue.compressor }

    private func append(_ staged: StagedMessage, to slot: Int32) {
        guard slot >= 0 else { return }
        traffic.sent(queue.weight(of: staged))
        guard slots.append(staged, to: slot, in: queue) else { return }
        dirty.append(slot)
        scheduleFlush()
    }

    private func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.execute { self.flush() }
    }

    /// Hands what was staged for the session to its transport, now instead of at the end of the tick.
    func flush(_ session: EngineSession) {
        let isOutermost = !isDelivering
        isDelivering = true
        deliver(to: session.slot)
        if isOutermost { deliveryEnded() }
    }

    private func flush() {
        isFlushScheduled = false
        var touched = exchange(&dirty, with: exchange(&spareList, with: []))
        isDelivering = true
        for slot in touched { deliver(to: slot) }
        if dirty.isEmpty {
            queue.reset()
            slots.tickEnded()
        }
        touched.removeAll(keepingCapacity: touched.count <= 65536)
        spareList = touched
        deliveryEnded()
    }

    private func deliver(to slot: Int32) {
        guard let list = slots.take(slot) else { return }
        guard let socket = list.socket, let buffer = queue.soleBuffer(from: list.first) else {
            slots.owner(slot)?.deliver(from: list.first, in: queue)
            return
        }
        let sent = socket.send(buffer)
        guard sent < buffer.readableBytes else { return }
        let rest = buffer.getSlice(at: buffer.readerIndex + sent, length: buffer.readableBytes - sent)
        if let rest { slots.owner(slot)?.link.sendRest(rest) }
    }

    /// Whether anything is staged for the session in this tick.
    func hasStaged(for session: EngineSession) -> Bool { slots.hasStaged(session.slot) }

    /// The session takes no more messages.
    func closeSlot(of session: EngineSession) { slots.close(session.slot) }

    /// What is staged for the session goes to this socket without asking session and transport, until `endBypass`.
    func bypass(_ session: EngineSession, to descriptor: CInt) { slots.bypass(session.slot, to: descriptor) }

    /// Whether it does.
    func isBypassed(_ session: EngineSession) -> Bool { slots.isBypassed(session.slot) }

    func endBypass(_ session: EngineSession) { slots.endBypass(session.slot) }

    /// Runs `work` now, or right after the delivery that is under way: sessions that end while frames are handed out
    /// call their handlers, and those may send.
    func afterDelivery(_ work: @escaping () -> Void) {
        if isDelivering { deferred.append(work) } else { work() }
    }

    private func deliveryEnded() {
        isDelivering = false
        guard !deferred.isEmpty else { return }
        for work in exchange(&deferred, with: []) { work() }
    }

    // MARK: Lag

    /// Measures from now on, once per `interval`, how late the loop runs what it was told to run at a certain time.
    func measureLag(every interval: TimeAmount) {
        eventLoop.assertInEventLoop()
        guard lagProbe == nil else { return }
        let due = NIODeadline.now() + interval
        lagDue.store(due.uptimeNanoseconds, ordering: .relaxed)
        lagProbe = eventLoop.scheduleTask(deadline: due) {
            let lag = NIODeadline.now() - due
            self.lag.record(lag)
            self.lastLag.store(UInt64(max(lag.nanoseconds, 0)), ordering: .relaxed)
            self.lagProbe = nil
            self.measureLag(every: interval)
        }
    }

    func stopMeasuringLag() {
        lagProbe?.cancel()
        lagDue.store(0, ordering: .relaxed)
    }

    /// How late the loop is at this moment, also while it stands still. From any thread; zero while nothing is measured.
    func currentLag() -> TimeAmount {
        let due = lagDue.load(ordering: .relaxed)
        guard due > 0 else { return .zero }
        let now = NIODeadline.now().uptimeNanoseconds
        let last = lastLag.load(ordering: .relaxed)
        return .nanoseconds(Int64(clamping: max(last, now > due ? now - due : 0)))
    }

    // MARK: Sessions

    /// How many sessions live here. On the loop only.
    var sessionCount: Int { sessions.count }

    /// The session with this id, unless it has ended and is only waiting for its handler to hear of it.
    func liveSession(id: String) -> EngineSession? {
        guard let session = sessions[id], session.machine.isAlive else { return nil }
        return session
    }

    func insert(_ session: EngineSession) {
        sessions.insert(session)
        session.slot = slots.add(session)
    }

    func remove(_ session: EngineSession) {
        slots.remove(session.slot)
        session.slot = OutboundSlots.none
        sessions.remove(session)
        session.context.forgetCustomID(of: session)
    }

    /// All sessions of the moment, in no order.
    func allSessions() -> [EngineSession] { sessions.all }
}

private func exchange<T>(_ value: inout T, with replacement: T) -> T {
    let old = value
    value = replacement
    return old
}
