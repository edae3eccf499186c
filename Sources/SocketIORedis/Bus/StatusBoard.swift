// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOConcurrencyHelpers
internal import SocketIOCluster

/// The cluster's status: judged here, on the bus's event loop, and read anywhere; every change is logged, counted and told.
final class StatusBoard {
    var health = LinkHealth()
    /// Told of every change.
    var onStatus: ((ClusterStatus) -> Void)?
    private let shared: NIOLockedValueBox<ClusterStatus>
    private let counters: ClusterCounters
    private let logger: Logger

    /// - Parameter shared: Where others read the status of the moment.
    init(shared: NIOLockedValueBox<ClusterStatus>, counters: ClusterCounters, logger: Logger) {
        self.shared = shared
        self.counters = counters
        self.logger = logger
    }

    /// The state of the moment.
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
