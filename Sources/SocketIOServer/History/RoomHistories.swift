// Part of socketio-server, MIT licence; see LICENSE.

internal import CoreMetrics
internal import Synchronization

/// What all namespaces of a server have in common about the histories of rooms.
final class RoomHistories: Sendable {
    let settings: DurableRooms
    /// The histories of namespaces whose adapter brings none.
    let memory: MemoryRoomHistory
    let gate: ReplayGate
    let metrics: ServerMetrics
    /// Events that this server has had kept, and those that it could not.
    let kept: Tally
    let failed: Tally
    /// Events that were sent in replays.
    let replayed: Tally
    /// Events that were missed and are in no history any more.
    let missed: Tally
    /// Events that were announced with numbers that no history has given out.
    let rejected: Tally
    private let isSweeping = Atomic(false)

    init(_ settings: DurableRooms, metrics: ServerMetrics, isCounted: Bool) {
        let factory: any MetricsFactory = isCounted ? MetricsSystem.factory : NOOPMetricsHandler.instance
        self.settings = settings
        self.metrics = metrics
        memory = MemoryRoomHistory(
            maxRooms: settings.maxRooms, maxBytes: settings.maxTotalBytes,
            refused: { metrics.refused($0) })
        gate = ReplayGate(maximum: settings.maxReplays, maximumWaiting: settings.maxWaitingReplays)
        kept = Tally("socketio_history_events_total", factory)
        failed = Tally("socketio_history_failures_total", factory)
        replayed = Tally("socketio_history_replayed_total", factory)
        missed = Tally("socketio_history_missed_total", factory)
        rejected = Tally("socketio_history_rejected_total", factory)
    }

    /// Marks sweeping as started. True for the first caller only.
    func beginSweeping() -> Bool { !isSweeping.exchange(true, ordering: .relaxed) }
}
