// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCore
internal import Synchronization

/// The sessions of all namespaces of one server that can be continued.
///
/// Its lock is taken when a socket connects, returns or disconnects, never for a message.
final class RecoverySessions: Sendable {
    let settings: ConnectionStateRecovery
    private let nodeTag: String
    private let table: NIOLockedValueBox<KeptSessionTable<Socket>>
    private let outcomes: RecoveryMetrics
    private let isSweeping = Atomic(false)
    let logLimits: EventLogLimits
    /// The events that all namespaces keep.
    let events: EventBudget
    private let metrics: ServerMetrics

    /// The time between two searches for expired records.
    static let sweepInterval = TimeAmount.seconds(30)

    init(_ settings: ConnectionStateRecovery, configuration: ServerConfiguration, metrics: ServerMetrics) {
        self.settings = settings
        self.metrics = metrics
        events = EventBudget(maximum: settings.maxTotalBytes)
        let engine = configuration.engine
        nodeTag = engine.nodeTag
        table = NIOLockedValueBox(
            KeptSessionTable(maximumRecords: settings.maxSessions, maximumBytes: settings.maxSessionBytes))
        outcomes = RecoveryMetrics(isCounted: engine.isCounted)
        logLimits = settings.logLimits(noticedAfter: engine.pingInterval + engine.pingTimeout)
    }

    /// How many lost sessions are kept at the moment.
    var recordCount: Int { table.withLockedValue { $0.recordCount } }

    /// A new secret, with which the client will ask for its session.
    func makePid() -> PackedID {
        var rng = SystemRandomNumberGenerator()
        return PackedID(nodeTag + RandomID.make(length: 16, using: &rng)) ?? .blank
    }

    func count(_ outcome: SessionRecovery) { outcomes.count(outcome) }

    // MARK: Sessions

    func hold(_ pid: PackedID, by socket: Socket) { table.withLockedValue { $0.hold(pid, by: socket) } }

    func forget(_ pid: PackedID) { table.withLockedValue { $0.forget(pid) } }

    /// Keeps the record of a socket whose connection has just been lost.
    func keep(_ record: KeptSession, until expiry: NIODeadline) {
        let evicted = table.withLockedValue { table in
            let before = table.evictions
            table.keep(record, until: expiry)
            return table.evictions - before
        }
        for _ in 0..<evicted { metrics.refused(.recoverySessions) }
    }

    func find(_ pid: PackedID, now: NIODeadline) -> KeptSessionTable<Socket>.Finding {
        table.withLockedValue { $0.find(pid, now: now) }
    }

    /// Claims a record if `use` accepts it, in one step.
    func claim(
        _ pid: PackedID, now: NIODeadline, _ use: (KeptSession) throws(RecoveryFailure) -> Void
    ) throws(RecoveryFailure) {
        try table.withLockedValue { table in
            Result { () throws(RecoveryFailure) in
                let (record, expiry) = try table.claim(pid, now: now)
                do throws(RecoveryFailure) {
                    try use(record)
                } catch {
                    table.keep(record, until: expiry)
                    throw error
                }
            }
        }.get()
    }

    /// Marks sweeping as started. True for the first caller only.
    func beginSweeping() -> Bool { !isSweeping.exchange(true, ordering: .relaxed) }

    func sweep(now: NIODeadline) { table.withLockedValue { $0.sweep(now: now) } }
}
