// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
internal import NIOCore

/// Checks whether nodes still listen on the channel that each has for itself, where the back end can tell. The back end
/// knows at once that a process has ended; the others would notice its silence much later.
///
/// A connection may have been lost for a moment only, so a node has gone when two checks in a row miss it. Lives on the
/// cluster's event loop.
final class PeerProbe {
    private let backend: any ClusterBackend
    /// The ids of the nodes that are known now.
    private let nodeIDs: () -> [String]
    private let gone: (_ nodeID: String) -> Void
    private var suspects: NameSet = []
    private var timer: RepeatedTask?

    private static let interval = TimeAmount.milliseconds(500)
    private static let secondLook = TimeAmount.milliseconds(250)

    init(
        backend: any ClusterBackend, nodeIDs: @escaping () -> [String], gone: @escaping (_ nodeID: String) -> Void
    ) {
        self.backend = backend
        self.nodeIDs = nodeIDs
        self.gone = gone
    }

    /// Checks twice a second while `isNeeded`.
    func start(while isNeeded: @escaping () -> Bool) {
        guard timer == nil else { return }
        timer = backend.eventLoop.assumeIsolated().scheduleRepeatedTask(
            initialDelay: Self.interval, delay: Self.interval
        ) { [weak self] task in
            guard let self else { return task.cancel() }
            if isNeeded() { self.look() }
        }
    }

    func stop() {
        timer?.cancel()
        timer = nil
    }

    /// Checks once, now.
    func look() {
        let ids = nodeIDs()
        guard timer != nil, backend.hearsOthers, !ids.isEmpty else { return }
        let done = ClusterCallback<ClusterListeners>(on: backend.eventLoop) { result in
            guard self.timer != nil, self.backend.hearsOthers, case .success(let listeners) = result,
                let nodes = listeners.nodes
            else { return }
            self.looked(absent: NameSet(zip(ids, nodes).filter { !$1 }.map(\.0)))
        }
        backend.listeners(in: nil, nodes: ids, done)
    }

    private func looked(absent: NameSet) {
        let lost = absent.intersection(suspects)
        let isNew = !absent.subtracting(suspects).isEmpty
        suspects = absent.subtracting(lost)
        for id in lost { gone(id) }
        if isNew { backend.eventLoop.assumeIsolated().scheduleTask(in: Self.secondLook) { self.look() } }
    }
}
