// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import LoopConfinement
internal import SocketIOCluster
internal import Synchronization

/// A message that this node adds to the stream of an ordered namespace. The outbox tells it, on the bus's event loop,
/// what becomes of it; ``OwnMessages`` decides when it is delivered here.
final class OwnMessage: Sendable {
    /// Delivers the message to the sockets of this node, without a place in the order of all nodes.
    let deliver: @Sendable () -> Void
    /// The entry does not hold the key, which is of use on this node only.
    let coalescingKey: CoalescingKey?
    private let list: LoopBound<OwnMessages>
    /// Given when the message is offered to the outbox; 0 before.
    private let place = Atomic<UInt64>(0)

    init(
        in list: LoopBound<OwnMessages>, coalescingKey: CoalescingKey? = nil, deliver: @escaping @Sendable () -> Void
    ) {
        self.list = list
        self.coalescingKey = coalescingKey
        self.deliver = deliver
    }

    /// The place among the node's messages in the namespace, in the order in which they leave.
    var number: UInt64 {
        get { place.load(ordering: .relaxed) }
        set { place.store(newValue, ordering: .relaxed) }
    }

    // MARK: On the event loop

    func offered() { _ = list.runIfHere { $0.add(self) } }

    /// - Parameter id: That of its entry; nil when it is only known that there is one, and that it has been read.
    func added(_ id: RedisStreamID?) { _ = list.runIfHere { $0.added(self, id) } }

    func failed(_ error: any Error) {
        let isInDoubt = (error as? ClusterError)?.code == .unconfirmed
        _ = list.runIfHere { $0.failed(self, isInDoubt: isInDoubt) }
    }
}
