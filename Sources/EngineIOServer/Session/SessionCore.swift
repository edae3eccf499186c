// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import Logging
internal import LoopConfinement
package import NIOCore

/// One client of the engine, where it lives: it has an id, exactly one current transport, and survives a change of transport and
/// nothing else (protocol 1.1). Others have an ``EngineSession``.
package final class SessionCore: LoopResident {
    /// What others see of it; nil after the end, since they refer to each other.
    package private(set) var handle: EngineSession?
    // What is small follows each other: there is one session for each connection. Where it says so, overlapping access is not
    // checked for, which would cost each message more than it could find: the machine and the slot are values that call
    // nothing back, the others are only read and replaced.
    @exclusivity(unchecked)
    var machine: SessionStateMachine
    var upgradeMachine: UpgradeStateMachine
    /// Where the shard keeps what sending needs, for ``ShardCore/send(_:to:)-(_,SessionSlot)``. The same from ``EngineDelegate/opened(_:)``
    /// until ``EngineSessionHandler/closed(_:detail:)`` has returned; later no messages go there.
    @exclusivity(unchecked)
    package internal(set) var slot = SessionSlot.none
    package let shard: ShardCore
    /// The layer above, which is told what happens here; set to what ``EngineDelegate/opened(_:)`` returned, nil after the close.
    @exclusivity(unchecked)
    package internal(set) var handler: (any EngineSessionHandler)?

    let context: EngineContext
    @exclusivity(unchecked)
    var activeTransport: any Transport
    var upgradeAttempt: UpgradeAttempt?
    /// Nil while the transport takes everything.
    @exclusivity(unchecked)
    var leftover: Leftover?
    /// Only while somebody observes.
    @exclusivity(unchecked)
    private(set) var meter: SessionMeter?

    /// Until when nothing of the client is looked at, or was, see ``holdInput(until:)``.
    package private(set) var heldUntil = NIODeadline.distantPast

    // Kept for the heartbeat wheel.
    var wheelIndex: Int32 = -1
    /// Whether the client speaks revision 3 of the protocol (protocol 2).
    package let isRevision3: Bool
    /// Kept for ``PendingSessions``.
    var pendingIndex = PendingSessions.notYet
    var legacyUse = LegacyUse.none
    var heartbeatTick: UInt64 = 0
    /// Whether ``AdmissionControl`` counts it among those of its address.
    var isCountedByAddress = false

    init(
        id: String, handshake: HandshakeInfo, shard: ShardCore, context: EngineContext, activeTransport: any Transport,
        isRevision3: Bool = false
    ) {
        self.machine = SessionStateMachine(isRevision3: isRevision3)
        self.isRevision3 = isRevision3
        self.shard = shard
        self.context = context
        self.activeTransport = activeTransport
        self.upgradeMachine = UpgradeStateMachine(startedOnWebSocket: activeTransport.name == .websocket)
        self.handle = EngineSession(
            id: StoredSessionID(id), handshake: handshake, transport: activeTransport.name, isRevision3: isRevision3,
            core: LoopReference(self))
    }

    package var home: ShardInbox { shard.home }

    package var eventLoop: any EventLoop { shard.home.eventLoop }

    /// See ``EngineSession/id``; empty after the end.
    package var id: String { handle?.id ?? "" }

    /// The address of the client, without port; empty after the end.
    package var remoteAddress: String { handle?.handshake.remoteAddress ?? "" }

    /// What logs may show of the id.
    package var shortenedID: String { LogText.shortened(id) }

    /// The current transport.
    package var transport: TransportName { activeTransport.name }

    /// Whether messages can be sent and are received: not closed, and no close has been asked for.
    package var isOpen: Bool { machine.isOpen }

    /// Whether a message sent now would leave at once (protocol 4.9): nothing waits, and the transport is neither busy with
    /// earlier messages nor without a poll. False again as soon as one message was sent.
    package var isWritable: Bool {
        machine.isOpen && !shard.hasStaged(for: self) && !hasBacklog && activeTransport.isReady
    }

    /// Queues a message; dropped silently unless the session is open.
    package func send(_ message: OutboundMessage) {
        if machine.isOpen { shard.send(message, to: self) }
    }

    /// Queues a message that was made elsewhere, in memory of this loop.
    func sendFromElsewhere(_ message: OutboundMessage) {
        shard.relieve()
        shard.send(shard.stage(message), to: self)
    }

    /// Sends a text message that is written where it leaves from; dropped silently unless the session is open.
    /// - Parameters:
    ///   - bound: the most bytes it can have.
    ///   - origin: see `OutboundMessage.origin`.
    ///   - write: writes the message with its type digit `4`, and returns how long it is. It must call nobody.
    package func send(textUpTo bound: Int, origin: Int32 = 0, _ write: (UnsafeMutableRawBufferPointer) -> Int) {
        if machine.isOpen { shard.send(textUpTo: bound, origin: origin, to: self, write) }
    }

    /// See ``EngineSession/close(discard:)``.
    package func close(discard: Bool = false) {
        guard machine.isOpen else { return }
        if !discard { shard.flush(self) }
        guard machine.closeRequested() == .closeTransport else { return }
        shard.closeSlot(of: self)
        if discard { dropLeftover() } else { endWaitingForRoom() }
        arm(.closeTimeout)
        closeTransport(discard: discard)
    }

    private func closeTransport(discard: Bool) {
        guard activeTransport.closeOrderly(discard: discard, hasBacklog: hasBacklog) else { return }
        finish(machine.transportFinished())
    }

    // MARK: Life

    /// Announces the session to its client and to the layer above. Its transport is ready to send.
    func open(delegate: any EngineDelegate) {
        shard.insert(self)
        context.admission.opened(self)
        if context.configuration.observer != nil { meter = SessionMeter() }
        context.metrics.sessionOpened(on: activeTransport.name)
        arm(machine.opened(), isFirst: true)
        let upgrades = activeTransport.name == .polling ? context.upgrades : []
        let json = HandshakeJSON.open(
            sid: id, upgrades: upgrades, pingInterval: context.pingIntervalMilliseconds,
            pingTimeout: context.pingTimeoutMilliseconds, maxPayload: context.configuration.maxHttpBufferSize)
        shard.send(OutboundMessage(head: .text(type: UInt8(ascii: "0"), payload: json)), to: self)
        if let initialPacket = context.configuration.initialPacket {
            shard.send(OutboundMessage(head: .message(initialPacket)), to: self)
        }
        // A polling client gets these two alone in its first answer (protocol 1.15).
        shard.flush(self)
        guard machine.isOpen else { return finishUnannounced() }
        // It may well end there; the handler is to hear of that.
        shard.deferringSessionEnds { handler = delegate.opened(self) }
        if machine.isAlive { enterPending() }
        if isRevision3 { handler?.begin() }
    }

    private func finishUnannounced() {
        shard.remove(self)
        handle = nil
    }

    /// Ends the session, once: cancels what is armed, closes what is open, tells the handler, leaves the table.
    func finish(_ end: SessionEnd?, isBroken: Bool = false) {
        guard let end else { return }
        shard.closeSlot(of: self)
        shard.heartbeats.cancel(self)
        leavePending()
        context.admission.closed(self)
        abandonUpgrade()
        let transport = activeTransport.name
        activeTransport.end(isBroken: isBroken)
        dropLeftover()
        context.metrics.sessionClosed(on: transport, reason: end.reason)
        context.logger.debug(
            "session closed",
            metadata: [
                "sid": "\(LogText.shortened(id))", "reason": "\(end.reason.rawValue)",
                "detail": "\(end.detail ?? "")",
            ])
        if let meter, let observer = context.configuration.observer {
            observer.ended(
                SessionRecord(
                    sid: LogText.shortened(id), transport: transport, clientAddress: remoteAddress,
                    duration: .now() - meter.openedAt, usage: meter.usage,
                    reason: handler?.endReason ?? end.reason.rawValue, detail: end.detail ?? handler?.endDetail))
        }
        shard.afterDelivery { [self] in
            handler?.closed(end.reason, detail: end.detail)
            handler = nil
            shard.remove(self)
            handle = nil
        }
    }

    // MARK: Input

    /// Looks at nothing more of the client before `deadline`: what it sends waits in the kernel, mostly, and is looked at in
    /// order later. For the handler, which hears at most the message after the one it is called for. A pong that waits there is
    /// not missed, see ``PongGrace``. Does nothing when the session is not open.
    package func holdInput(until deadline: NIODeadline) {
        guard machine.isOpen, deadline > heldUntil else { return }
        heldUntil = deadline
        activeTransport.pauseInput(until: deadline)
    }

    /// Whether nothing of the client is looked at now.
    package var isInputHeld: Bool { heldUntil > eventLoop.now }

    // MARK: Timer

    /// The deadline set by `arm` has come.
    func timerDue() {
        if machine.isWaitingForPong,
            let later = PongGrace.deadline(
                now: eventLoop.now, heldUntil: heldUntil, pingTimeout: context.pingTimeout)
        {
            return shard.heartbeats.schedule(self, at: later)
        }
        switch machine.timerFired() {
        case .sendPing:
            arm(.pongTimeout)
            shard.sendPing(to: self)
        case .finish(let end):
            finish(end)
        case .none:
            break
        }
    }

    func arm(_ timer: SessionStateMachine.SessionTimer, isFirst: Bool = false) {
        let delay: TimeAmount
        switch timer {
        case .pingInterval: delay = isFirst ? context.firstPingDelay() : context.pingDelay
        case .pongTimeout: delay = context.pingTimeout
        case .clientPing: delay = context.clientPingTimeout
        case .closeTimeout: delay = .milliseconds(Int64(SessionStateMachine.closeTimeoutMilliseconds))
        }
        shard.heartbeats.schedule(self, at: eventLoop.now + delay)
    }

    // MARK: What transports report

    /// A packet of the current transport.
    func received(_ packet: consuming EnginePacket) {
        let isClose = if case .close = packet { true } else { false }
        switch machine.packetReceived(packet) {
        case .deliver(let message):
            deliver(message)
        case .restartPingInterval:
            arm(.pingInterval)
            handler?.receivedControl(isHeartbeat: true)
        case .answerPing:
            arm(.clientPing)
            shard.send(OutboundMessage(head: .pong), to: self)
            handler?.receivedControl(isHeartbeat: true)
        case .finish(let end):
            if isClose { activeTransport.peerSentClose() }
            finish(end)
        case .ignore:
            handler?.receivedControl(isHeartbeat: false)
        }
    }

    /// A message of the current transport.
    func received(_ message: consuming EngineMessage) {
        if machine.deliversMessages { deliver(message) }
    }

    private func deliver(_ message: consuming EngineMessage) {
        shard.received(message)
        meter?.received(message)
        handler?.received(message)
    }

    /// Bytes of the current transport that are no packet.
    func receivedInvalid(_ error: EnginePacketError) {
        finish(machine.packetInvalid(error))
    }

    /// The peer closed `transport`.
    func transportClosed(_ transport: any Transport, detail: String? = nil) {
        guard transport === activeTransport else { return candidateClosed(transport) }
        finish(machine.transportClosed(detail: detail))
    }

    /// `transport` failed, or the peer broke its rules.
    func transportFailed(_ transport: any Transport, detail: String) {
        guard transport === activeTransport else { return candidateClosed(transport) }
        finish(machine.transportFailed(detail: detail))
    }
}
