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
    private var lagProbe: Scheduled<Void>?

    private let inbox = NIOLockedValueBox(Inbox())
    /// Whether the inbox holds work; spares the lock where there is none.
    private let hasMail = Atomic(false)
    /// With one shard nobody shares reference counts, so staged messages need no copy.
    private let copiesStagedMessages: Bool
    /// In memory of this loop, like everything that is sent often.
    private let ping = OutboundMessage(head: OutboundPacket.ping.copied())
    private var stagedPing = StagedMessage(index: -1, tick: 0)
    private var sessions: [String: EngineSession] = [:]
    private let queue: OutboundQueue
    /// Unpacks what the connections of this loop receive; nil when compression is turned off.
    let inflater: FrameInflater?
    /// What the connections of this loop put their messages together in.
    let messageBuffer = SpareBuffer()
    /// What the plaintext connections of this loop read into.
    let receiveBuffer = SpareBuffer()
    private var dirty: [EngineSession] = []
    private var isFlushScheduled = false
    private var isDelivering = false
    private var deferred: [() -> Void] = []

    init(
        index: Int, eventLoop: any EventLoop, isOnlyShard: Bool, heartbeatResolution: TimeAmount,
        compression: PerMessageDeflateConfiguration? = nil
    ) {
        self.queue = OutboundQueue(compressor: compression.map { FrameCompressor($0) })
        self.inflater = compression == nil ? nil : FrameInflater()
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

    private func emptyInbox() {
        let work = inbox.withLockedValue { inbox in
            inbox.isScheduled = false
            hasMail.store(false, ordering: .relaxed)
            return exchange(&inbox.work, with: [])
        }
        for item in work { item() }
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
        guard session.isOpen, staged.tick == queue.tick else { return }
        append(staged, to: session)
    }

    /// As staging and sending, for a message that nobody else receives.
    func send(_ message: OutboundMessage, to session: EngineSession) {
        append(queue.stage(message), to: session)
    }

    /// Pings due in one tick share one staged message, so their frames are shared as well.
    func sendPing(to session: EngineSession) {
        if stagedPing.tick != queue.tick || stagedPing.index < 0 { stagedPing = queue.stage(ping) }
        append(stagedPing, to: session)
    }

    /// Compresses frames for WebSockets of this shard; nil when compression is turned off. On the loop only.
    var compressor: FrameCompressor? { queue.compressor }

    private func append(_ staged: StagedMessage, to session: EngineSession) {
        let last = queue.append(staged, after: session.lastStaged)
        session.lastStaged = last
        traffic.sent(queue.weight(of: staged))
        guard session.firstStaged == OutboundQueue.none else { return }
        session.firstStaged = last
        dirty.append(session)
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
        deliver(to: session)
        if isOutermost { deliveryEnded() }
    }

    private func flush() {
        isFlushScheduled = false
        let touched = exchange(&dirty, with: [])
        isDelivering = true
        for session in touched { deliver(to: session) }
        if dirty.isEmpty { queue.reset() }
        deliveryEnded()
    }

    private func deliver(to session: EngineSession) {
        let first = session.firstStaged
        guard first != OutboundQueue.none else { return }
        session.firstStaged = OutboundQueue.none
        session.lastStaged = OutboundQueue.none
        session.deliver(from: first, in: queue)
    }

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
        lagProbe = eventLoop.scheduleTask(deadline: due) {
            self.lag.record(.now() - due)
            self.lagProbe = nil
            self.measureLag(every: interval)
        }
    }

    func stopMeasuringLag() {
        lagProbe?.cancel()
    }

    // MARK: Sessions

    /// How many sessions live here. On the loop only.
    var sessionCount: Int { sessions.count }

    /// The session with this id, unless it has ended and is only waiting for its handler to hear of it.
    func liveSession(id: String) -> EngineSession? {
        guard let session = sessions[id], session.machine.isAlive else { return nil }
        return session
    }

    func insert(_ session: EngineSession) { sessions[session.id] = session }

    func remove(_ session: EngineSession) {
        sessions[session.id] = nil
        session.context.forgetCustomID(session.id)
    }

    /// All sessions of the moment, in no order.
    func allSessions() -> [EngineSession] { Array(sessions.values) }
}

private func exchange<T>(_ value: inout T, with replacement: T) -> T {
    let old = value
    value = replacement
    return old
}
