// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCore
internal import Synchronization

/// The order of a namespace's events on this server, and its newest events for returning clients.
///
/// All event loops deliver in this one order, so a client's last offset says exactly what it has seen. An event gets
/// its position and its place in the queue of each loop in one step; a loop that delivers takes everything from its
/// queue. The lock is taken a few times for an event, however many clients receive it.
final class NamespaceLog: Sendable {
    /// An event on its way to the sockets of one loop.
    struct Delivery: Sendable {
        enum Target: Sendable {
            case sockets(BroadcastPacket, BroadcastOptions)
            case one(LoopReference<SocketCore>)
        }

        let message: OutboundMessage
        let target: Target
    }

    /// What the caller does next.
    enum Placing {
        /// It may deliver the event itself, because no other event waits on its loop.
        case deliver(OutboundMessage)
        /// The event waits in the queue of its loop.
        case queued
    }

    private struct Queue {
        var deliveries: [Delivery] = []
        /// Whether the loop knows that it has something to deliver.
        var isWoken = false
        /// Whether the loop is delivering the events that it took from the queue.
        var isDelivering = false
    }

    private struct State {
        var log: EventLog<OutboundMessage>
        var queues: [Queue]
        var format: OffsetFormat
        /// The store that keeps the sessions for all servers; nil when this server keeps them itself.
        var store: (any SessionStore)?
        var last = EventPosition.zero
        /// The bytes of the log that the budget knows of.
        var counted = 0
        /// Events that this server has delivered and whose positions are not known yet.
        var early: EarlyMark?
        /// The time until which a lost session of the namespace can be continued.
        var neededUntil = NIODeadline.uptimeNanoseconds(0)
    }

    private let name: String
    private let number: Int32
    let limits: EventLogLimits
    private let hasStore = Atomic(false)
    let metrics: ServerMetrics
    private let budget: EventBudget
    private let state: NIOLockedValueBox<State>

    /// The log of a namespace; nil when recovery is off.
    static func make(name: String, number: Int32, _ context: ServerContext) -> NamespaceLog? {
        context.recovery.map {
            NamespaceLog(
                name: name, number: number, shards: context.shards.count, limits: $0.logLimits,
                budget: $0.events, metrics: context.metrics)
        }
    }

    init(
        name: String, number: Int32, shards: Int, limits: EventLogLimits, budget: EventBudget, metrics: ServerMetrics
    ) {
        var rng = SystemRandomNumberGenerator()
        self.budget = budget
        budget.opened()
        self.name = name
        self.number = number
        self.metrics = metrics
        // The id belongs to this log, not to the server: a namespace that is forgotten and made again starts counting
        // anew.
        let format = OffsetFormat.memory(bootID: BootID(using: &rng))
        self.limits = limits
        state = NIOLockedValueBox(
            State(log: EventLog(limits: limits), queues: Array(repeating: Queue(), count: shards), format: format))
    }

    deinit { budget.closed(bytes: state.withLockedValue { $0.counted }) }

    var format: OffsetFormat { state.withLockedValue { $0.format } }

    // MARK: Shared with other servers

    /// Whether an adapter gives the events their positions.
    var isShared: Bool { hasStore.load(ordering: .relaxed) }
    var store: (any SessionStore)? { isShared ? state.withLockedValue { $0.store } : nil }

    func share(_ store: any SessionStore) {
        state.withLockedValue { state in
            state.store = store
            state.format = .stream
        }
        hasStore.store(true, ordering: .relaxed)
    }

    /// Notes that nothing is known about the events up to this position.
    func begin(after position: EventPosition) {
        state.withLockedValue { state in
            state.log = EventLog(limits: limits, begin: position)
            state.last = position
            settle(&state)
        }
    }

    /// Notes which events are delivered without a position; nil when all positions have become known.
    func setEarly(_ mark: EarlyMark?) { state.withLockedValue { $0.early = mark } }

    func noteGap() {
        state.withLockedValue { state in
            state.log.noteGap()
            settle(&state)
        }
    }

    func remember(
        _ packet: BroadcastPacket, _ options: BroadcastOptions, at position: EventPosition, now: NIODeadline
    ) {
        state.withLockedValue { state in
            guard position > state.last else { return }
            state.last = position
            guard !options.flags.isVolatile else { return }
            let message = message(packet.data, options.flags, offset: state.format.text(position))
            keep(message, rooms: options.rooms, except: options.except, now: now, &state)
        }
    }

    /// The number and the bytes of the kept events.
    var size: (events: Int, bytes: Int) { state.withLockedValue { ($0.log.count, $0.log.bytes) } }

    /// The bytes that a kept event needs beside its own.
    private static let overhead = 200

    // MARK: Sending

    /// Gives a broadcast its place in the order of each loop that `isNeeded` names. `here` is the caller's loop. `wake`
    /// is called for each other loop that does not know yet that an event waits for it.
    func place(
        _ packet: BroadcastPacket, _ options: BroadcastOptions, at position: EventPosition? = nil, here: Int?,
        now: NIODeadline, isNeeded: (Int) -> Bool, wake: (Int) -> Void
    ) -> Placing {
        let (placing, sleeping) = state.withLockedValue { state -> (Placing, [Int]) in
            if let position {
                guard position > state.last else { return (.queued, []) }
                state.last = position
            }
            let message = next(packet.data, options.flags, &state)
            // An event without a place from the adapter is not sent again.
            if options.flags.isKeptForReturns, state.store == nil || position != nil {
                keep(message, rooms: options.rooms, except: options.except, now: now, &state)
            }
            var sleeping: [Int] = []
            var placing = Placing.queued
            let delivery = Delivery(message: message, target: .sockets(packet, options))
            for index in state.queues.indices where isNeeded(index) {
                if index == here, state.queues[index].deliveries.isEmpty, !state.queues[index].isDelivering {
                    placing = .deliver(message)
                    continue
                }
                state.queues[index].deliveries.append(delivery)
                guard index != here, !state.queues[index].isWoken else { continue }
                state.queues[index].isWoken = true
                sleeping.append(index)
            }
            return (placing, sleeping)
        }
        for index in sleeping { wake(index) }
        return placing
    }

    /// The same for an event to one socket, on its loop.
    func place(
        _ event: EncodedArguments, _ flags: BroadcastFlags, to socket: SocketCore, id: String, here: Int,
        now: NIODeadline
    ) -> Placing {
        let target = Delivery.Target.one(LoopReference(socket))
        return state.withLockedValue { state in
            let message = next(event, flags, &state)
            if flags.isKeptForReturns, state.store == nil { keep(message, rooms: [id], except: [], now: now, &state) }
            if state.queues[here].deliveries.isEmpty, !state.queues[here].isDelivering { return .deliver(message) }
            state.queues[here].deliveries.append(Delivery(message: message, target: target))
            return .queued
        }
    }

    /// A finished event with an offset that was given out before.
    func message(_ event: EncodedArguments, _ flags: BroadcastFlags, offset: String) -> OutboundMessage {
        var message = DefaultEncoder.event(
            nsp: name, json: event.json, attachments: event.attachments, compress: flags.compress, offset: offset)
        message.origin = number
        message.isVolatile = flags.isVolatile
        message.coalescingKey = flags.coalescingKey?.inNamespace(number)
        return message
    }

    /// The finished event with its own position. An event that is not kept gets the newest position instead.
    private func next(_ event: EncodedArguments, _ flags: BroadcastFlags, _ state: inout State) -> OutboundMessage {
        if flags.isKeptForReturns, state.store == nil { state.last = EventPosition(state.last.low + 1) }
        return message(event, flags, offset: state.format.text(state.last, state.early))
    }

    private func keep(
        _ message: OutboundMessage, rooms: [String], except: [String], now: NIODeadline, _ state: inout State
    ) {
        typealias Log = EventLog<OutboundMessage>
        let own = message.attachments.reduce(message.head.frame.readableBytes) { $0 + $1.frame.readableBytes }
        let bytes = own + Self.overhead + Log.bytes(of: rooms) + Log.bytes(of: except)
        state.log.append(message, at: state.last, bytes: bytes, rooms: rooms, except: except, now: now)
        settle(&state)
    }

    /// Tells the budget of all namespaces how much is kept, and drops what is too much.
    private func settle(_ state: inout State) {
        let excess = budget.changed(by: state.log.bytes - state.counted)
        state.counted = state.log.bytes
        guard let excess, state.counted > excess.share else { return }
        state.log.trim(bytes: max(excess.share, state.counted - excess.bytes))
        metrics.refused(.recoveryBytes)
        _ = budget.changed(by: state.log.bytes - state.counted)
        state.counted = state.log.bytes
    }

    // MARK: Delivering

    /// The position up to which everything has been delivered on a loop.
    struct Delivered: Sendable {
        var position: EventPosition
        /// Whether every event that was delivered has a position.
        var isSettled = true
    }

    /// Delivers the events that wait for a loop, on that loop. While the loop is delivering already, the outer call delivers
    /// them.
    @discardableResult
    func deliver(on index: Int, _ deliver: (Delivery) -> Void) -> Delivered {
        while true {
            let (deliveries, end) = state.withLockedValue { state -> ([Delivery], Delivered) in
                state.queues[index].isWoken = false
                let end = Delivered(position: state.last, isSettled: state.early == nil)
                guard !state.queues[index].isDelivering else { return ([], end) }
                let taken = state.queues[index].deliveries
                state.queues[index].deliveries = []
                state.queues[index].isDelivering = !taken.isEmpty
                return (taken, end)
            }
            guard !deliveries.isEmpty else { return end }
            for delivery in deliveries { deliver(delivery) }
            state.withLockedValue { $0.queues[index].isDelivering = false }
        }
    }

    /// While a loop is marked as delivering, events sent on it wait in its queue.
    func setDelivering(_ isDelivering: Bool, on index: Int) {
        state.withLockedValue { $0.queues[index].isDelivering = isDelivering }
    }

    // MARK: Returning

    /// The newest position that has been given out.
    var last: EventPosition { state.withLockedValue { $0.last } }

    /// The offset of a client that has got everything up to a position, and everything that was delivered early.
    func offset(_ position: EventPosition) -> String {
        state.withLockedValue { $0.format.text(position, $0.early) }
    }

    func missed(
        by record: KeptSession, after start: EventPosition, through end: EventPosition, limits: ReplayLimits
    ) throws(RecoveryFailure) -> [OutboundMessage] {
        try state.withLockedValue { state in
            Result { () throws(RecoveryFailure) in
                try state.log.missed(by: record, after: start, through: end, limits: limits)
            }
        }.get()
    }

    /// Whether the log still has everything that a session has missed.
    func isComplete(for record: KeptSession, after start: EventPosition) -> Bool {
        state.withLockedValue { $0.log.isComplete(for: record, after: start) }
    }

    /// Notes that a lost session can be continued until `deadline`.
    func need(until deadline: NIODeadline) { state.withLockedValue { $0.neededUntil = max($0.neededUntil, deadline) } }

    /// Whether any lost session can still be continued.
    func isNeeded(now: NIODeadline) -> Bool { state.withLockedValue { $0.neededUntil >= now } }

    func trim(now: NIODeadline) {
        state.withLockedValue { state in
            state.log.trim(now: now)
            settle(&state)
        }
    }
}
