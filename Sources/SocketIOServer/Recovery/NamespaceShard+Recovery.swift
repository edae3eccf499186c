// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import LoopConfinement
internal import NIOCore
internal import SocketIOCore

/// Delivering in the order of the namespace's ``NamespaceLog``.
extension NamespaceShardCore {
    /// Delivers all events that wait for this loop, and returns what has been delivered here.
    @discardableResult
    func deliverQueued() -> NamespaceLog.Delivered {
        guard let log else { return NamespaceLog.Delivered(position: .zero) }
        return log.deliver(on: shard.index) { delivery in
            switch delivery.target {
            case .sockets(let packet, let options): broadcast(delivery.message, packet, options, log.metrics)
            case .one(let socket):
                let socket = socket.value(beside: self)
                if !socket.isGone { socket.client.send(delivery.message) }
            }
        }
    }

    /// Delivers a broadcast when no other event waits on this loop.
    func deliverFirst(
        _ message: OutboundMessage, _ packet: BroadcastPacket, _ options: BroadcastOptions, _ log: NamespaceLog
    ) {
        guard outgoingListenerCount > 0 else { return broadcast(message, packet, options, log.metrics) }
        // Listeners may send events. All recipients get those after this event.
        log.setDelivering(true, on: shard.index)
        broadcast(message, packet, options, log.metrics)
        log.setDelivering(false, on: shard.index)
        deliverQueued()
    }

    /// Runs `body`, which may call the application, when everything up to the position that it gets has been delivered.
    /// Events sent in the meantime are delivered afterwards, also to a socket that `body` has added.
    func attaching<Result>(
        _ body: (NamespaceLog.Delivered) throws(RecoveryFailure) -> Result
    ) throws(RecoveryFailure) -> Result {
        guard let log else { return try body(NamespaceLog.Delivered(position: .zero)) }
        count.changeExpected(by: 1)
        let delivered = deliverQueued()
        log.setDelivering(true, on: shard.index)
        defer {
            log.setDelivering(false, on: shard.index)
            count.changeExpected(by: -1)
        }
        return try body(delivered)
    }
}

extension MemoryAdapter {
    /// Delivers a broadcast in the order of the log.
    func broadcast(
        _ packet: BroadcastPacket, options: BroadcastOptions, in log: NamespaceLog, at position: EventPosition? = nil,
        isNew: Bool = true
    ) {
        let here = shards.first { $0.shard.eventLoop.inEventLoop }
        let isDone: Void? = here?.core.runIfHere { core in
            let placing = log.place(
                packet, options, at: position, here: core.shard.index, now: core.home.eventLoop.now,
                isNeeded: { isNew && shards[$0].expectsEvents },
                wake: { index in
                    let shard = shards[index]
                    core.engine.hand(to: shard.engine) { shard.core.runIfHere { _ = $0.deliverQueued() } }
                })
            switch placing {
            case .deliver(let message): core.deliverFirst(message, packet, options, log)
            case .queued: core.deliverQueued()
            }
        }
        guard isDone == nil else { return }
        _ = log.place(
            packet, options, at: position, here: nil, now: shards[0].shard.eventLoop.now,
            isNeeded: { isNew && shards[$0].expectsEvents },
            wake: { index in shards[index].run { _ = $0.deliverQueued() } })
    }
}
