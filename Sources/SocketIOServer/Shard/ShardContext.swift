// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import NIOCore
internal import SocketIOCore
internal import Synchronization

/// What the Socket.IO layer keeps per event loop, beside the engine's shard.
///
/// Immutable but for what is marked, which is confined to the loop: the reason for `@unchecked Sendable`.
final class ShardContext: @unchecked Sendable {
    let shard: Shard
    let eventLoop: any EventLoop
    let timers: TimerQueue
    let running: RunningHandlers
    let watch = HandlerWatch()
    /// On the loop only.
    let responders = SpareResponder()
    /// On the loop only, like ``timers``.
    @exclusivity(unchecked)
    var received = ReceivedPackets()
    /// The current limits; clients keep some of those that applied when they connected. On the loop only.
    var limits: SessionLimits
    /// The rates of clients; nil without limits. On the loop only.
    var rates: RatePolicy?
    /// How long clients took to acknowledge what asked for it; on the loop only.
    var acknowledgementLatency = LatencyHistogram()
    /// While somebody looks at rooms; on the loop only.
    var roomSurvey: RoomSurvey?

    var index: Int { shard.index }

    init(_ shard: Shard, limits: SessionLimits, rates: RatePolicy?, cancelsHandlers: Bool) {
        self.rates = rates
        self.shard = shard
        self.limits = limits
        self.eventLoop = shard.eventLoop
        self.running = RunningHandlers(knowsOwners: cancelsHandlers)
        self.timers = TimerQueue(eventLoop: shard.eventLoop)
    }

    /// Runs `work` on the loop and returns what it returns.
    func perform<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            shard.run { continuation.resume(returning: work()) }
        }
    }
}

/// Limits of clients, which a reload may change.
struct SessionLimits: Sendable {
    // Fixed when a client connects.
    let packets: PacketLimits
    let client: ClientLimits
    let maxPendingAcknowledgements: Int
    // Applied immediately to all clients.
    let rooms: RoomLimits
    let maxWaitingEvents: Int
    let maxWaitingBytes: Int
    let maxRunningHandlers: Int
    /// Nil: until the disconnection.
    let acknowledgementTimeout: TimeAmount?

    init(_ configuration: ServerConfiguration) {
        packets = configuration.packetLimits
        client = configuration.clientLimits
        maxPendingAcknowledgements = configuration.maxPendingAcknowledgements
        rooms = RoomLimits(
            maxRoomsPerMember: configuration.maxRoomsPerSocket, maxNameLength: configuration.maxNameLength)
        maxWaitingEvents = configuration.maxWaitingEvents
        maxWaitingBytes = configuration.maxWaitingBytes
        maxRunningHandlers = configuration.maxRunningHandlers
        acknowledgementTimeout = configuration.acknowledgementTimeout
    }
}

/// What all parts of one server share.
final class ServerContext: Sendable {
    let configuration: ServerConfiguration
    let shards: [ShardContext]
    let metrics: ServerMetrics
    let rates: RateBook
    /// Lines that a client can cause are logged through this, never through the logger itself.
    let log: RateLimitedLogger<SocketLogKind>
    /// Events of namespaces whose handlers have held a loop too long.
    let slowHandlers = Mutex<NameSet>([])
    private let closing = Atomic(false)

    /// Whether the server no longer takes clients.
    var isClosing: Bool { closing.load(ordering: .relaxed) }

    /// Marks the server as closing. Returns false when it was closing already.
    func beginClosing() -> Bool { !closing.exchange(true, ordering: .relaxed) }

    /// - Parameter shards: at least one.
    init(configuration: ServerConfiguration, shards: [ShardContext]) {
        self.configuration = configuration
        self.shards = shards
        self.metrics = ServerMetrics(isCounted: configuration.engine.isCounted)
        self.rates = RateBook(isCounted: configuration.engine.isCounted, policy: configuration.ratePolicy)
        self.log = RateLimitedLogger(configuration.logger, eventLoop: shards[0].eventLoop)
    }
}
