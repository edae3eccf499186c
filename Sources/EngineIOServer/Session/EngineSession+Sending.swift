// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Logging
internal import Metrics

/// What happens between the end of a tick and the transport: at once, or later through the backlog.
extension EngineSession {
    /// The tick is over: hands the staged messages to the transport, or to the backlog while that is busy.
    func deliver(from first: Int32, in queue: OutboundQueue) {
        guard machine.isAlive else { return }
        if let meter { queue.forEachWeight(from: first) { meter.sent($0) } }
        if backlog.isEmpty, link.isReady { return link.send(listFrom: first, in: queue) }
        // Compressed for all at once rather than later for each.
        queue.forEachMessage(from: first, windowBits: link.windowBits) { hold($0) }
        if link.isReady { transportReady(link) }
    }

    /// The transport can take messages again.
    func transportReady(_ transport: any Transport) {
        guard transport === link, machine.isAlive else { return }
        if !backlog.isEmpty, link.isReady { link.send(backlog.takeAll()) }
        guard backlog.isEmpty else { return }
        if machine.isClosing {
            guard link.closeOrderly(discard: false, hasBacklog: false) else { return }
            finish(machine.transportFinished())
        } else if isWritable {
            shard.afterDelivery { [self] in handler?.drained() }
        }
    }

    private func hold(_ message: OutboundMessage) {
        guard machine.isAlive else { return }
        let buffered = backlog.bytes + link.bufferedBytes
        // One message alone may be of any size, and the engine's own packets are few and needed.
        let limit = context.configuration.maxBufferedBytes
        guard buffered > 0, buffered + Backlog.cost(of: message) > limit, message.isApplicationMessage else {
            return backlog.append(message)
        }
        switch context.configuration.slowClientPolicy {
        case .disconnect:
            context.metrics.slowClients.increment()
            context.notices.happened(
                .slowClient, on: eventLoop,
                [
                    "sid": "\(LogMetadata.shortened(id))", "remote": "\(handshake.remoteAddress)",
                    "transport": "\(link.name.rawValue)", "waitingBytes": "\(buffered)",
                ])
            finish(machine.transportFailed(detail: "slow client"), isBroken: true)
        case .dropNewest:
            context.metrics.droppedNewest.increment()
        case .dropOldest:
            var excess = buffered + Backlog.cost(of: message) - limit
            while excess > 0 {
                let before = backlog.bytes
                guard backlog.dropOldest() else { break }
                context.metrics.droppedOldest.increment()
                excess -= before - backlog.bytes
            }
            if excess > 0 { return context.metrics.droppedOldest.increment() }
            backlog.append(message)
        }
    }
}
