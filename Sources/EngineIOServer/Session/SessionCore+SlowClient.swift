// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Logging
internal import NIOCore

/// Why a client was too slow.
enum SlowClientReason: String, CaseIterable, Sendable {
    case hardBound = "hard_bound"
    case noProgress = "no_progress"
    case budget

    /// As applications and logs see it.
    var words: String {
        switch self {
        case .hardBound: "more than maxBufferedBytes waited"
        case .noProgress: "no progress within slowClientTimeout"
        case .budget: "maxTotalBufferedBytes was reached"
        }
    }
}

/// What becomes of clients that read more slowly than they are sent to.
extension SessionCore {
    /// A message has to wait.
    func hold(_ held: HeldMessage) {
        guard machine.isAlive else { return }
        let leftover = makeLeftover()
        if let key = held.message.coalescingKey, leftover.messages.removeMessage(with: key) {
            leftover.messages.compact()
            context.metrics.dropped(.coalesce)
        }
        switch leftover.machine.queueing(held.bytes, waiting: waitingBytes, now: eventLoop.now) {
        case .keep:
            break
        case .keepAndDropVolatile:
            shard.slowClients.watch(self)
            guard !dropVolatile(for: held, leftover) else { return }
        case .refuse:
            // The engine's own packets are few and needed.
            guard held.message.isApplicationMessage else { break }
            guard !dropVolatile(for: held, leftover), makeRoom(for: held, leftover) else { return }
            // A session that never was above the soft bound may be there now.
            _ = leftover.machine.queueing(held.bytes, waiting: waitingBytes, now: eventLoop.now)
            if leftover.machine.isWatched { shard.slowClients.watch(self) }
        }
        leftover.messages.append(held)
        context.budget.enforce()
    }

    /// Drops what is volatile; true when that is the new message itself.
    private func dropVolatile(for held: HeldMessage, _ leftover: Leftover) -> Bool {
        dropped(leftover.messages.removeVolatile(), .volatile)
        guard held.message.isVolatile else { return false }
        dropped(1, .volatile)
        return true
    }

    /// Does at the hard bound what the message's policy says; whether there is room for it then.
    private func makeRoom(for held: HeldMessage, _ leftover: Leftover) -> Bool {
        guard waitingBytes > context.slowClientLimits.hardBound - held.bytes else { return true }
        switch policy(of: held.message) {
        case .disconnect:
            endSlowly(.hardBound)
            return false
        case .dropNewest:
            dropped(1, .dropNewest)
            return false
        case .dropOldest:
            let room = context.slowClientLimits.hardBound - held.bytes - activeTransport.bufferedBytes
            let count = leftover.messages.removeOldest(where: { self.policy(of: $0) == .dropOldest }) { $0 <= room }
            dropped(count, .dropOldest)
            guard waitingBytes == 0 || leftover.messages.bytes <= room else {
                dropped(1, .dropOldest)
                return false
            }
            return true
        }
    }

    /// The policy of the message's socket or namespace, else the server's.
    private func policy(of message: OutboundMessage) -> SlowClientPolicy {
        let own = message.origin == 0 ? nil : handler?.slowClientPolicy(origin: message.origin)
        return own ?? context.configuration.slowClientPolicy
    }

    /// Looks whether anything has left since last time, and acts when nothing has for too long.
    func checkProgress(now: NIODeadline) {
        guard let leftover, leftover.machine.isWatched else { return }
        let mark = activeTransport.progressMark
        if let last = leftover.mark, last != mark { progressed() }
        leftover.mark = mark
        guard leftover.machine.isTooSlow(now: now) else { return }
        dropDownToSoftBound(leftover)
        guard leftover.machine.isWatched else { return releaseIfSpent() }
        let isKept =
            context.configuration.slowClientPolicy != .disconnect
            && !leftover.messages.contains { self.policy(of: $0) == .disconnect }
        // What is still there was given to the transport, or is the engine's: the heartbeat judges the client.
        if isKept { return leftover.machine.progressed(waiting: waitingBytes, now: now) }
        endSlowly(.noProgress)
    }

    private func dropDownToSoftBound(_ leftover: Leftover) {
        let target = context.slowClientLimits.softBound - activeTransport.bufferedBytes
        dropAsToldTo(leftover) { $0 <= target }
    }

    private func dropAsToldTo(_ leftover: Leftover, until isEnough: (Int) -> Bool) {
        dropped(leftover.messages.removeVolatile(), .volatile)
        let oldest = leftover.messages.removeOldest(where: { self.policy(of: $0) == .dropOldest }, until: isEnough)
        dropped(oldest, .dropOldest)
        let newest = leftover.messages.removeNewest(where: { self.policy(of: $0) == .dropNewest }, until: isEnough)
        dropped(newest, .dropNewest)
        leftover.messages.compact()
        leftover.machine.dropped(waiting: waitingBytes)
    }

    /// Gives up what waits for this client, because too much waits on the node: messages that may be dropped, or the client.
    func shed() {
        guard machine.isAlive, let leftover else { return }
        let before = leftover.messages.bytes
        dropAsToldTo(leftover) { _ in false }
        let isEnough = leftover.messages.bytes < before && !leftover.messages.contains { _ in true }
        guard !isEnough else { return releaseIfSpent() }
        endSlowly(.budget)
    }

    private func endSlowly(_ reason: SlowClientReason) {
        let dropped = leftover?.dropped ?? 0
        context.metrics.slowClient(reason)
        context.log.log(
            .slowClient,
            [
                "sid": "\(LogText.shortened(id))", "remote": "\(remoteAddress)",
                "transport": "\(activeTransport.name.rawValue)", "waitingBytes": "\(waitingBytes)",
                "reason": "\(reason.rawValue)", "dropped": "\(dropped)",
            ])
        let detail = "slow client: \(reason.words)" + (dropped > 0 ? ", \(dropped) messages were dropped before" : "")
        finish(machine.transportFailed(detail: detail), isBroken: true)
    }

    /// Counts messages that were dropped, and tells the handler at the end of the delivery.
    private func dropped(_ count: Int, _ policy: EngineMetrics.DropPolicy) {
        guard count > 0, let leftover else { return }
        context.metrics.dropped(policy, by: count)
        leftover.dropped += count
        leftover.unreported += count
        guard leftover.unreported == count else { return }
        shard.afterDelivery { [self] in
            let count = leftover.unreported
            leftover.unreported = 0
            if count > 0 { handler?.dropped(messages: count) }
            releaseIfSpent()
        }
    }
}
