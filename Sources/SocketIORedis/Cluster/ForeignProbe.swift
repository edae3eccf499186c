// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Looks, while answers of Node.js servers are waited for, whether fewer of them are left: they send no signs of life, but
/// Redis knows how many listen to the requests.
///
/// A connection may have been lost for a moment only: the larger number of two looks counts. Lives on the bus's event loop.
final class ForeignProbe {
    /// Nodes that listen to the requests of a namespace, this one left out.
    struct Count {
        /// Those that are not of this kind.
        var foreign: Int
        var nodes: Int
    }

    private let bus: RedisBusCore
    private let channel: String
    private let key: String
    private let nodeIDs: () -> [String]
    private let isNeeded: () -> Bool
    private let counted: (Count) -> Void
    private var isScheduled = false
    private var last: Count?

    private static let interval = TimeAmount.milliseconds(500)

    /// - Parameters:
    ///   - channel: That of the requests.
    ///   - nodeIDs: The nodes of this kind that listen there.
    ///   - isNeeded: Whether answers are waited for.
    init(
        bus: RedisBusCore, channel: String, key: String, nodeIDs: @escaping () -> [String],
        isNeeded: @escaping () -> Bool, counted: @escaping (Count) -> Void
    ) {
        self.bus = bus
        self.channel = channel
        self.key = key
        self.nodeIDs = nodeIDs
        self.isNeeded = isNeeded
        self.counted = counted
    }

    /// A request has gone out: looks from now on, as long as that is needed.
    func start() {
        guard !isScheduled else { return }
        last = nil
        lookLater()
    }

    private func lookLater() {
        isScheduled = true
        bus.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { [weak self] in
            guard let self else { return }
            self.isScheduled = false
            guard self.isNeeded() else { return }
            self.look()
            self.lookLater()
        }
    }

    private func look() {
        // This node is one of the subscribers, or nothing can be told.
        guard bus.hearsOthers else { return last = nil }
        // In one question: a node of this kind that has just died is missing in both numbers.
        let peers = nodeIDs().map { PeerMessage.channel(of: $0, key: key) }
        bus.subscriberCounts(of: [channel] + peers) { result in
            guard self.bus.hearsOthers, case .success(let counts) = result, let all = counts.first, all > 0 else {
                return self.last = nil
            }
            let peers = counts.dropFirst().count { $0 > 0 }
            self.found(Count(foreign: max(0, all - 1 - peers), nodes: all - 1))
        }
    }

    private func found(_ count: Count) {
        defer { last = count }
        guard let last else { return }
        counted(Count(foreign: max(last.foreign, count.foreign), nodes: max(last.nodes, count.nodes)))
    }
}
