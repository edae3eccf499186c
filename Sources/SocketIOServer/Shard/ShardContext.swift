// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import LoopConfinement
internal import NIOCore
internal import SocketIOCore
internal import Synchronization

/// What the Socket.IO layer keeps per event loop, beside the engine's shard. What lives on that loop is in a
/// ``ShardContextCore``.
final class ShardContext: Sendable {
    let engine: Shard
    let running: RunningHandlers
    let watch: HandlerWatch
    let core: LoopBound<ShardContextCore>

    var index: Int { engine.index }
    var eventLoop: any EventLoop { engine.eventLoop }

    init(
        _ shard: Shard, limits: SessionLimits, rates: RatePolicy?, cancelsHandlers: Bool, tracing: ServerTracing? = nil
    ) {
        let (running, watch) = (RunningHandlers(knowsOwners: cancelsHandlers), HandlerWatch())
        self.engine = shard
        self.running = running
        self.watch = watch
        self.core = LoopBound(with: shard.core) {
            ShardContextCore(
                $0, running: running, watch: watch, limits: limits, rates: rates, tracing: tracing)
        }
    }

    /// Does something on the loop: at once for a caller who is there, else in the order of the calls.
    func run(_ work: @escaping @Sendable (ShardContextCore) -> Void) {
        engine.run { [core] in core.runIfHere(work) }
    }

    /// Does something on the loop and returns what it returns.
    func perform<Value: Sendable>(_ work: @escaping @Sendable (ShardContextCore) -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            run { continuation.resume(returning: work($0)) }
        }
    }
}

/// What the Socket.IO layer keeps on one event loop.
final class ShardContextCore: LoopResident {
    let engine: ShardCore
    let running: RunningHandlers
    let watch: HandlerWatch
    let timers: TimerQueue
    let responders = ResponderPool()
    @exclusivity(unchecked)
    var received = ReceivedPackets()
    /// The current limits; clients keep some of those that applied when they connected.
    var limits: SessionLimits
    /// The rates of clients; nil without limits.
    var rates: RatePolicy?
    /// Makes spans; nil without a tracer.
    let tracing: ServerTracing?
    /// How long clients took to acknowledge what asked for it.
    var acknowledgementLatency = LatencyHistogram()
    /// Looks for the largest rooms; nil while no one has asked for them.
    var roomSurvey: RoomSurvey?

    var index: Int { engine.index }
    var home: ShardInbox { engine.home }
    var eventLoop: any EventLoop { engine.home.eventLoop }

    init(
        _ shard: ShardCore, running: RunningHandlers, watch: HandlerWatch, limits: SessionLimits, rates: RatePolicy?,
        tracing: ServerTracing?
    ) {
        self.engine = shard
        self.running = running
        self.watch = watch
        self.limits = limits
        self.rates = rates
        self.tracing = tracing
        self.timers = TimerQueue(eventLoop: shard.eventLoop)
    }
}

/// Limits of clients, which a reload may change.
struct SessionLimits: Sendable {
    // Fixed when a client connects.
    let packets: PacketLimits
    let client: ClientLimits
    let maxPendingAcknowledgements: Int
    // Applied immediately to all clients.
    let attachmentTimeout: TimeAmount
    let rooms: RoomLimits
    let maxRooms: Int
    let maxWaitingEvents: Int
    let maxWaitingBytes: Int
    let maxRunningHandlers: Int
    /// Nil: until the disconnection.
    let acknowledgementTimeout: TimeAmount?

    init(_ configuration: ServerConfiguration) {
        packets = configuration.packetLimits
        client = configuration.clientLimits
        maxPendingAcknowledgements = configuration.maxPendingAcknowledgements
        attachmentTimeout = TimeAmount(configuration.attachmentTimeout)
        maxRooms = configuration.maxRooms
        rooms = RoomLimits(
            maxRoomsPerMember: configuration.maxRoomsPerSocket, maxNameLength: configuration.maxNameLength)
        maxWaitingEvents = configuration.maxWaitingEvents
        maxWaitingBytes = configuration.maxWaitingBytes
        maxRunningHandlers = configuration.maxRunningHandlers
        acknowledgementTimeout = configuration.acknowledgementTimeout.map { TimeAmount($0) }
    }
}

/// What all parts of one server share.
final class ServerContext: Sendable {
    let configuration: ServerConfiguration
    let shards: [ShardContext]
    // Times of the configuration as the event loops take them.
    let connectTimeout: TimeAmount
    let broadcastAcknowledgementTimeout: Duration
    let metrics: ServerMetrics
    let rates: RateBook
    /// Sessions that can be continued; nil when recovery is off.
    let recovery: RecoverySessions?
    /// Whether spans are made.
    let isTraced: Bool
    /// The histories of rooms; nil when no room has one.
    let histories: RoomHistories?
    /// Lines that a client can cause are logged through this, never through the logger itself.
    let log: RateLimitedLogger<SocketLogKind>
    /// Events of namespaces whose handlers have held a loop too long.
    let slowHandlers = Mutex<NameSet>([])
    private let closing = Atomic(false)
    let roomTotal = RoomTotal()

    /// Whether the server no longer takes clients.
    var isClosing: Bool { closing.load(ordering: .relaxed) }

    /// Marks the server as closing. Returns false when it was closing already.
    func beginClosing() -> Bool { !closing.exchange(true, ordering: .relaxed) }

    /// - Parameter shards: at least one.
    init(configuration: ServerConfiguration, shards: [ShardContext]) {
        self.configuration = configuration
        self.shards = shards
        self.connectTimeout = TimeAmount(configuration.connectTimeout)
        self.broadcastAcknowledgementTimeout = configuration.broadcastAcknowledgementTimeout
        let metrics = ServerMetrics(isCounted: configuration.engine.isCounted)
        self.metrics = metrics
        self.rates = RateBook(isCounted: configuration.engine.isCounted, policy: configuration.ratePolicy)
        self.recovery = configuration.connectionStateRecovery.map {
            RecoverySessions($0, configuration: configuration, metrics: metrics)
        }
        self.isTraced = configuration.tracer != nil
        self.histories = configuration.durableRooms.map {
            RoomHistories($0, metrics: metrics, isCounted: configuration.engine.isCounted)
        }
        self.log = RateLimitedLogger(configuration.logger, eventLoop: shards[0].eventLoop)
    }
}
