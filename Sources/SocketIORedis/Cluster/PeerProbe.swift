// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HiredisNIO
internal import LoopConfinement
internal import NIOCore

/// Looks whether nodes still listen on the channel that each has to itself. Redis knows at once that a process has ended;
/// from its silence the others learn it much later.
///
/// A connection may have been lost for a moment only: a node that is absent twice in a row has gone. Lives on the bus's event
/// loop.
final class PeerProbe {
    private let bus: RedisBusCore
    private let key: String
    /// The nodes of the moment.
    private let nodeIDs: () -> [String]
    private let gone: (_ nodeID: String) -> Void
    private var suspects: NameSet = []
    private var timer: RepeatedTask?

    private static let interval = TimeAmount.milliseconds(500)
    private static let secondLook = TimeAmount.milliseconds(250)

    init(
        bus: RedisBusCore, key: String, nodeIDs: @escaping () -> [String],
        gone: @escaping (_ nodeID: String) -> Void
    ) {
        self.bus = bus
        self.key = key
        self.nodeIDs = nodeIDs
        self.gone = gone
    }

    /// Looks twice a second while `isNeeded`.
    func start(while isNeeded: @escaping () -> Bool) {
        guard timer == nil else { return }
        timer = bus.eventLoop.assumeIsolated().scheduleRepeatedTask(
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

    /// Looks now.
    func look() {
        let ids = nodeIDs()
        guard timer != nil, bus.hearsOthers, !ids.isEmpty else { return }
        bus.subscriberCounts(of: ids.map { PeerMessage.channel(of: $0, key: key) }) { result in
            guard self.timer != nil, self.bus.hearsOthers, case .success(let counts) = result else { return }
            self.looked(absent: NameSet(zip(ids, counts).filter { $1 == 0 }.map(\.0)))
        }
    }

    private func looked(absent: NameSet) {
        let lost = absent.intersection(suspects)
        let isNew = !absent.subtracting(suspects).isEmpty
        suspects = absent.subtracting(lost)
        for id in lost { gone(id) }
        if isNew { bus.eventLoop.assumeIsolated().scheduleTask(in: Self.secondLook) { self.look() } }
    }
}
