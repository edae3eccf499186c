// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import LoopConfinement
package import NIOCore

/// Everything of the engine that lives on one event loop (decisions 2): sessions by sid, the outbound queue of the tick and
/// the heartbeat wheel. Others have a ``Shard``.
package final class ShardCore: LoopResident {
    /// Position among the server's shards; part of every sid.
    package let index: Int
    package let home: ShardInbox
    let heartbeats: HeartbeatWheel
    // Overlapping access to what every message touches is not checked for at run time: those are values that call nothing
    // back, read and changed in single steps.
    /// What has passed through.
    @exclusivity(unchecked)
    package private(set) var traffic = ShardTraffic()
    /// Clients that have sent more than a slice.
    let turns: InputTurns

    /// Of other shards, with work of this tick that they have not been woken for.
    @exclusivity(unchecked)
    private var sleepers: [ShardInbox] = []
    /// With one shard nobody shares reference counts, so staged messages need no copy.
    private let copiesStagedMessages: Bool
    /// In memory of this loop, like everything that is sent often.
    private let ping = OutboundMessage(head: OutboundPacket.ping.copied())
    private var stagedPing: StagedMessage?
    @exclusivity(unchecked)
    var sessions = SessionTable()
    @exclusivity(unchecked)
    var pending = PendingSessions()
    private let queue: OutboundQueue
    /// Puts together, and unpacks, the messages of this loop's WebSockets.
    let assembler: AssemblerPool
    /// What the plaintext connections of this loop read into.
    let receiveBuffer = ReceiveBufferPool()
    /// What the bodies of polling answers are put together in.
    let pollingBody = ReceiveBufferPool()
    /// Compresses those bodies.
    let bodyCompressor = BodyCompressor()
    /// The last body that was built from queued messages.
    @exclusivity(unchecked)
    var lastAnswer: AnsweredChunk?
    /// The sessions with a ``Leftover``.
    private(set) lazy var slowClients = SlowClientList(self)
    @exclusivity(unchecked)
    var slots = OutboundSlots()
    /// Slots with something to deliver at the end of the tick, and the memory of the last such list.
    @exclusivity(unchecked)
    private var dirty: [SessionSlot] = []
    private var spareList: [SessionSlot] = []
    private var isFlushScheduled = false
    private(set) var isDelivering = false
    /// Whether a caller holds a staged message while it calls the application.
    private var isHoldingTick = false
    @exclusivity(unchecked)
    private var deferred: [() -> Void] = []

    init(
        index: Int, home: ShardInbox, isOnlyShard: Bool, heartbeatResolution: TimeAmount,
        compression: PerMessageDeflateConfiguration? = nil, maximumUnhandledBytes: Int
    ) {
        self.queue = OutboundQueue(compressor: compression.map { FrameCompressor($0) })
        self.assembler = AssemblerPool(inflater: compression == nil ? nil : FrameInflater())
        self.index = index
        self.home = home
        self.copiesStagedMessages = !isOnlyShard
        self.turns = InputTurns(eventLoop: home.eventLoop, unaskedLimit: maximumUnhandledBytes)
        self.heartbeats = HeartbeatWheel(eventLoop: home.eventLoop, resolution: heartbeatResolution)
    }

    package var eventLoop: any EventLoop { home.eventLoop }

    /// The event loop for timers whose closures stay there.
    package var loop: NIOIsolatedEventLoop { home.eventLoop.assumeIsolated() }

    // MARK: Work from elsewhere

    /// Hands work over to another shard. That one's loop is woken when the tick of this one ends, once for all that it was
    /// handed: what was read here in one go leaves there in one go, too.
    package func hand(to other: Shard, _ work: @escaping @Sendable () -> Void) {
        if other.inbox === home { return work() }
        if other.inbox.leave(work) { wakeAtEndOfTick(other.inbox) }
    }

    private func wakeAtEndOfTick(_ inbox: ShardInbox) {
        guard !sleepers.contains(where: { $0 === inbox }) else { return }
        sleepers.append(inbox)
        scheduleFlush()
    }

    /// Before this loop's own clients are served: the others do theirs in the meantime.
    private func wakeSleepers() {
        guard !sleepers.isEmpty else { return }
        for inbox in sleepers { inbox.wake() }
        sleepers.removeAll(keepingCapacity: true)
    }

    /// Does what others have asked for so far, see ``ShardInbox/catchUp()``.
    func catchUp() { home.catchUp() }

    // MARK: Sending

    /// Puts a message aside for the sessions of this shard, for the current tick: one copy per shard, however many
    /// sessions it is sent to.
    package func stage(_ message: OutboundMessage) -> StagedMessage {
        // Even a message that finds no recipient has to be forgotten at the end of the tick.
        scheduleFlush()
        return queue.stage(copiesStagedMessages ? message.copied() : message)
    }

    /// Sends a staged message to a session of this shard; dropped silently unless the session is open. It leaves at the
    /// end of the tick, joined with everything else for that session.
    package func send(_ staged: StagedMessage, to session: SessionCore) {
        assert(session.shard === self, "a message is staged on the shard of its recipient")
        assert(staged.tick == queue.tick, "a staged message belongs to the tick it was staged in")
        send(staged, to: session.slot)
    }

    /// The same by the session's ``SessionCore/slot``, which needs no look at the session.
    package func send(_ staged: StagedMessage, to slot: SessionSlot) {
        guard slots.isOpen(slot), staged.tick == queue.tick else { return }
        append(staged, to: slot)
    }

    /// As staging and sending, for a message that nobody else receives.
    func send(_ message: OutboundMessage, to session: SessionCore) {
        relieve()
        append(queue.stage(message), to: session.slot)
    }

    /// The same for a text message that is written where it leaves from, see ``SessionCore/send(textUpTo:_:)``.
    func send(
        textUpTo bound: Int, origin: Int32, to session: SessionCore, _ write: (UnsafeMutableRawBufferPointer) -> Int
    ) {
        relieve()
        append(queue.stage(textUpTo: bound, origin: origin, write), to: session.slot)
    }

    /// How many bytes may be staged before the shard delivers them ahead of the end of the tick.
    private static let tickBytes = 1024 * 1024

    /// Must be called before a message is staged. Delivers the messages staged in this tick if they are large, so that
    /// a long burst takes only the memory of the part that its recipients have not read. Handlers are told of ended
    /// sessions at the end of the tick, as always.
    package func relieve() {
        if queue.stagedBytes > Self.tickBytes { deliverEarly() }
    }

    /// Runs `body`, which holds a staged message while it calls the application. Nothing is delivered early during that
    /// time.
    package func holdingTick(_ body: () -> Void) {
        let wasHolding = isHoldingTick
        isHoldingTick = true
        body()
        isHoldingTick = wasHolding
    }

    private func deliverEarly() {
        guard !isDelivering, !isHoldingTick else { return }
        isDelivering = true
        deliverAll()
        isDelivering = false
    }

    /// A message has come from a client.
    func received(_ message: EngineMessage) { traffic.received(message) }

    /// Pings due in one tick share one staged message, so their frames are shared as well.
    func sendPing(to session: SessionCore) {
        let staged = if let stagedPing, stagedPing.tick == queue.tick { stagedPing } else { queue.stage(ping) }
        stagedPing = staged
        append(staged, to: session.slot)
    }

    /// Compresses frames for WebSockets of this shard; nil when compression is turned off.
    var compressor: FrameCompressor? { queue.compressor }

    private func append(_ staged: StagedMessage, to slot: SessionSlot) {
        guard !slot.isNone else { return }
        traffic.sent(queue.weight(of: staged))
        guard slots.append(staged, to: slot, in: queue) else { return }
        dirty.append(slot)
        scheduleFlush()
    }

    private func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        // A closure that captures one reference and nothing else needs no memory.
        let shard = LoopReference(self)
        eventLoop.execute { shard.runIfHere { $0.flush() } }
    }

    /// Hands what was staged for the session to its transport, now instead of at the end of the tick.
    func flush(_ session: SessionCore) { deferringSessionEnds { deliver(to: session.slot) } }

    private func flush() {
        isFlushScheduled = false
        wakeSleepers()
        isDelivering = true
        deliverAll()
        deliveryEnded()
    }

    private func deliverAll() {
        var touched = exchange(&dirty, with: exchange(&spareList, with: []))
        for slot in touched { deliver(to: slot) }
        if dirty.isEmpty {
            queue.reset()
            slots.tickEnded()
        }
        touched.removeAll(keepingCapacity: touched.count <= 65536)
        spareList = touched
    }

    private func deliver(to slot: SessionSlot) {
        guard let list = slots.take(slot) else { return }
        if let socket = list.socket {
            switch queue.send(listFrom: list.first, to: socket) {
            case .sent: return
            case .blocked(let rest):
                guard let session = slots.owner(slot) else { return }
                session.activeTransport.sendRest(rest)
                return session.transportBlocked(from: list.first, in: queue)
            case .several: break
            }
        }
        slots.owner(slot)?.deliver(from: list.first, in: queue)
    }

    /// Runs `body`. Handlers of sessions that end in the meantime hear of it when it is over, see ``afterDelivery(_:)``.
    func deferringSessionEnds(_ body: () -> Void) {
        let isOutermost = !isDelivering
        isDelivering = true
        body()
        if isOutermost { deliveryEnded() }
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
}
