// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOConcurrencyHelpers

/// The cluster's status: judged on the event loop, read anywhere; every change is logged, counted and told.
///
/// Confined to the bus's event loop but for ``status``, hence `@unchecked Sendable`.
final class StatusBoard: @unchecked Sendable {
    var health = LinkHealth()
    /// Told of every change, on the event loop.
    var onStatus: (@Sendable (ClusterStatus) -> Void)?
    private let shared = NIOLockedValueBox(ClusterStatus.connecting)
    private let counters: ClusterCounters
    private let logger: Logger

    init(counters: ClusterCounters, logger: Logger) {
        self.counters = counters
        self.logger = logger
    }

    /// The state of the moment. From any thread.
    var status: ClusterStatus { shared.withLockedValue { $0 } }

    /// Something has changed.
    func update(hasSubscriptions: Bool, isSending: Bool) {
        let status = health.status(hasSubscriptions: hasSubscriptions, isSending: isSending)
        let previous = shared.withLockedValue { shared in
            defer { shared = status }
            return shared
        }
        guard previous != status else { return }
        counters.record(isUp: status == .up)
        onStatus?(status)
        switch status {
        case .up, .closed, .connecting:
            logger.info("The cluster's state has changed", metadata: ["state": "\(status)"])
        case .degraded, .down:
            logger.warning("The cluster's state has changed", metadata: ["state": "\(status)"])
        }
    }
}
