// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// What happens between the end of a tick and the transport: at once, or later through what is left over.
extension SessionCore {
    /// The tick is over: hands the staged messages to the transport, or keeps them while that is busy.
    func deliver(from first: Int32, in queue: OutboundQueue) {
        guard machine.isAlive else { return }
        if let meter { queue.forEachWeight(from: first) { meter.sent($0) } }
        if leftover == nil, activeTransport.isReady {
            activeTransport.send(listFrom: first, in: queue)
            if !activeTransport.isReady { transportBlocked(from: first, in: queue) }
            return
        }
        // Compressed for all at once rather than later for each.
        queue.forEachHeld(from: first, windowBits: activeTransport.windowBits, in: context.budget) { hold($0) }
        if activeTransport.isReady { transportReady(activeTransport) }
    }

    /// Less than this in memory of a connection is not worth being counted: what TLS has on its way, for instance.
    private static let negligibleCopy = 16 * 1024

    /// The transport could not send all of a list of this tick.
    func transportBlocked(from first: Int32, in queue: OutboundQueue) {
        let unsent = activeTransport.bufferedBytes
        guard unsent > 0, machine.isAlive else { return }
        if unsent <= Self.negligibleCopy, case .copies = activeTransport.holding { return }
        let leftover = makeLeftover()
        switch activeTransport.holding {
        case .nothing: break
        case .copies: leftover.inFlight.append(HeldBytes(unsent, in: context.budget))
        case .messages:
            leftover.inFlight.append(
                queue.held(listFrom: first, windowBits: activeTransport.windowBits, unsent: unsent, in: context.budget))
        }
        // Whatever its size, it has been given to the transport.
        if leftover.machine.queueing(unsent, waiting: 0, now: eventLoop.now) != .keep { shard.slowClients.watch(self) }
        context.budget.enforce()
    }

    /// The transport can take messages again, or has just taken some.
    func transportReady(_ transport: any Transport) {
        guard transport === activeTransport, machine.isAlive else { return }
        if let leftover {
            if !leftover.inFlight.isEmpty { leftover.inFlight.removeAll() }
            feed(from: leftover)
            progressed()
            guard leftover.messages.isEmpty else { return }
        }
        if machine.isClosing {
            guard activeTransport.closeOrderly(discard: false, hasBacklog: false) else { return }
            finish(machine.transportFinished())
        } else if isWritable {
            // Mostly called at once, which takes no closure.
            if shard.isDelivering {
                shard.afterDelivery { [self] in handler?.drained() }
            } else {
                handler?.drained()
            }
        }
    }

    /// An answer of the transport has left, or never will.
    func answerLeft(_ transport: any Transport) {
        if transport === activeTransport, machine.isAlive { progressed() }
    }

    /// Gives the transport as much as it takes.
    func feed(from leftover: Leftover) {
        while activeTransport.isReady, !leftover.messages.isEmpty {
            let chunk = leftover.messages.popFirst(upTo: activeTransport.chunkBytes)
            activeTransport.send(chunk)
            let unsent = activeTransport.bufferedBytes
            if unsent > 0 { leftover.inFlight = inFlight(of: chunk, unsent: unsent) }
        }
    }

    /// What the transport keeps in memory of a chunk: large messages as they are, small ones as one copy.
    private func inFlight(of chunk: [HeldMessage], unsent: Int) -> [HeldBytes] {
        switch activeTransport.holding {
        case .nothing: return []
        case .copies: return [HeldBytes(unsent, in: context.budget)]
        case .messages: break
        }
        var held: [HeldBytes] = []
        var copied = 0
        for message in chunk {
            if message.message.head.frame.readableBytes > FrameJoiner.largestJoinedFrame {
                held.append(message)
            } else {
                copied += message.message.frameBytes
            }
        }
        if copied > 0 { held.append(HeldBytes(min(copied, unsent), in: context.budget)) }
        return held
    }

    // MARK: What is left over

    func makeLeftover() -> Leftover {
        if let leftover { return leftover }
        let made = shard.slowClients.add(self)
        leftover = made
        return made
    }

    /// Whether messages wait for the transport.
    var hasBacklog: Bool { leftover.map { !$0.messages.isEmpty } ?? false }

    /// What waits for the client on this node, in bytes of memory.
    var waitingBytes: Int { (leftover?.messages.bytes ?? 0) + activeTransport.bufferedBytes }

    /// The next messages for a poll.
    func takeForPoll() -> [HeldMessage] { leftover?.messages.popFirst(upTo: activeTransport.chunkBytes) ?? [] }

    /// Takes all that waits when it is less than `limit` bytes of memory, as it mostly is: it goes to `body` one by one. False
    /// when it is more, with nothing taken.
    func takeForPoll(below limit: Int, _ body: (HeldMessage) -> Void) -> Bool {
        guard let leftover, leftover.messages.messageBytes < limit else { return false }
        while let held = leftover.messages.popFirst() { body(held) }
        return true
    }

    /// Lets go of what is left over.
    func dropLeftover() {
        guard let leftover else { return }
        endWaitingForRoom()
        self.leftover = nil
        shard.slowClients.remove(leftover)
    }

    /// No more messages will be taken: tells those who wait for room.
    func endWaitingForRoom() {
        guard let leftover, !leftover.waiters.isEmpty else { return }
        let waiters = exchange(&leftover.waiters, with: [])
        shard.afterDelivery { for waiter in waiters { waiter(false) } }
    }

    /// Something has left for the client: the watch begins anew or ends, and those who wait for room are told.
    func progressed() {
        guard let leftover else { return }
        let waiting = waitingBytes
        leftover.machine.progressed(waiting: waiting, now: eventLoop.now)
        if waiting <= context.slowClientLimits.softBound, !leftover.waiters.isEmpty { announceRoom() }
        releaseIfSpent()
    }

    func releaseIfSpent() {
        guard let leftover, leftover.isSpent, activeTransport.bufferedBytes == 0 else { return }
        self.leftover = nil
        shard.slowClients.removeSpent(leftover)
    }

    /// Calls back when the client has room for another message, which is at once unless more than the soft bound waits, or
    /// others are before it; with false when the session ends.
    package func whenRoom(_ body: @escaping (Bool) -> Void) {
        guard machine.isOpen else { return body(false) }
        guard let leftover, !hasRoom else { return body(true) }
        leftover.waiters.append(body)
    }

    /// Whether ``whenRoom(_:)`` calls back at once.
    package var hasRoom: Bool {
        guard machine.isOpen, let leftover else { return true }
        return leftover.waiters.isEmpty && waitingBytes <= context.slowClientLimits.softBound
    }

    /// How many wait for room.
    package var waiterCount: Int { leftover?.waiters.count ?? 0 }

    private func announceRoom() {
        // After the delivery that is under way, one after the other, for as long as there is room.
        shard.afterDelivery { [self] in
            while let leftover, let waiter = leftover.waiters.first,
                waitingBytes <= context.slowClientLimits.softBound
            {
                leftover.waiters.removeFirst()
                waiter(machine.isOpen)
                // What it has sent counts.
                shard.flush(self)
            }
            releaseIfSpent()
        }
    }
}
