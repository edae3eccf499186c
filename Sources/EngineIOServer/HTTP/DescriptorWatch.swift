// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import Metrics
internal import NIOCore
internal import Synchronization

/// Records what a listener's ``DescriptorGuard`` has done, for the log, the metrics and readiness. May be used from any
/// thread.
final class DescriptorWatch: Sendable {
    /// How long a shortage counts after it has ended, so that readiness does not flicker.
    static let memory = TimeAmount.seconds(5)

    private let log: RateLimitedLogger<EngineLogKind>
    private let counter: Counter
    /// When descriptors last ran short: uptime in nanoseconds, 0 for never.
    private let last = Atomic<UInt64>(0)

    init(log: RateLimitedLogger<EngineLogKind>, isCounted: Bool) {
        self.log = log
        counter = Counter(
            label: "socketio_connections_refused_for_descriptors_total", dimensions: [],
            factory: isCounted ? MetricsSystem.factory : NOOPMetricsHandler.instance)
    }

    /// Records a shortage and the number of connections refused because of it. On the event loop.
    func refused(_ count: Int, on eventLoop: any EventLoop, limit: Int, now: NIODeadline = .now()) {
        last.store(max(1, now.uptimeNanoseconds), ordering: .relaxed)
        guard count > 0 else { return }
        counter.increment(by: count)
        log.log(
            .outOfDescriptors, on: eventLoop,
            [
                "limit": "\(limit)", "refused": "\(count)",
                "advice": "raise the limit of open files (ulimit -n, LimitNOFILE), or lower admission.maxSessions",
            ])
    }

    /// Whether connections are being refused, or were a moment ago.
    func isShort(now: NIODeadline = .now()) -> Bool {
        let last = last.load(ordering: .relaxed)
        return last > 0 && now.uptimeNanoseconds &- last < UInt64(Self.memory.nanoseconds)
    }
}
