// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// While answers of Node.js servers are waited for, checks whether fewer of these servers are left. They send no
/// heartbeats, but the back end knows how many servers listen to the requests.
///
/// A connection may have been lost for a moment only, so the larger number of two checks counts. Lives on the cluster's
/// event loop.
final class ForeignProbe {
    /// How many other nodes listen to the requests of a namespace.
    struct Count {
        /// How many of them are not of this kind.
        var foreign: Int
        var nodes: Int
    }

    private let backend: any ClusterBackend
    private let namespace: String
    private let peers: () -> [String]
    private let isNeeded: () -> Bool
    private let counted: (Count) -> Void
    private var isScheduled = false
    private var last: Count?

    private static let interval = TimeAmount.milliseconds(500)

    /// - Parameters:
    ///   - peers: The nodes of this kind that have the namespace.
    ///   - isNeeded: Whether any answers are waited for.
    init(
        backend: any ClusterBackend, namespace: String, peers: @escaping () -> [String],
        isNeeded: @escaping () -> Bool, counted: @escaping (Count) -> Void
    ) {
        self.backend = backend
        self.namespace = namespace
        self.peers = peers
        self.isNeeded = isNeeded
        self.counted = counted
    }

    /// A request has been sent: checks repeatedly from now on, as long as `isNeeded`.
    func start() {
        guard !isScheduled else { return }
        last = nil
        lookLater()
    }

    private func lookLater() {
        isScheduled = true
        backend.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { [weak self] in
            guard let self else { return }
            self.isScheduled = false
            guard self.isNeeded() else { return }
            self.look()
            self.lookLater()
        }
    }

    private func look() {
        // When this node does not receive messages, it may not be among the subscribers, and the numbers mean nothing.
        guard backend.hearsOthers else { return last = nil }
        // One query asks for both numbers, so that a node of this kind that has just died is missing in both.
        let peers = peers()
        let done = ClusterCallback<ClusterListeners>(on: backend.eventLoop) { result in
            guard self.backend.hearsOthers, case .success(let listeners) = result, listeners.servers > 0 else {
                return self.last = nil
            }
            let living = listeners.nodes?.count { $0 } ?? peers.count
            self.found(Count(foreign: max(0, listeners.servers - 1 - living), nodes: listeners.servers - 1))
        }
        backend.listeners(in: namespace, nodes: peers, done)
    }

    private func found(_ count: Count) {
        defer { last = count }
        guard let last else { return }
        counted(Count(foreign: max(last.foreign, count.foreign), nodes: max(last.nodes, count.nodes)))
    }
}
