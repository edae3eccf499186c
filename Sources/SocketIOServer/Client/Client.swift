// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import Logging
internal import LoopConfinement
internal import NIOCore
internal import SocketIOCore

/// The Socket.IO side of one Engine.IO session: decodes, finds the socket, and holds one socket per namespace.
///
/// Lives on the session's event loop.
///
///     message ─▶ DefaultParser ─▶ ClientStateMachine ─▶ SocketCore
final class Client: EngineSessionHandler, LoopResident {
    let session: SessionCore
    let context: ServerContext
    let table: NamespaceTable
    let shard: ShardContextCore

    // Values of other modules, which call nothing back: checking for overlapping access costs more than it could find.
    @exclusivity(unchecked)
    private var parser: DefaultParser
    @exclusivity(unchecked)
    var machine: ClientStateMachine
    /// Pending and connected sockets, at the slots that the machine gives them.
    @exclusivity(unchecked)
    var sockets = ShortList<SocketCore?>()
    private let pendingLimit: Int32
    /// The bytes of the events of all its sockets that wait for middlewares.
    var waitingBytes = 0
    /// The grant: what the client may use before its rates are checked. A value that calls nothing back.
    @exclusivity(unchecked)
    var allowance: RateGrant
    var rates: ClientRates?
    /// The application's listeners for this connection; nil for nearly all connections.
    @exclusivity(unchecked)
    private var hooks: ConnectionHooks?
    /// Whether the input is held because a socket has too many handlers.
    var isHeldForHandlers = false
    var connectTimer: TimerQueue.Token?
    var isEnded = false
    /// Why this layer ended the session, if it did: the engine knows only of `forced close`.
    private var ending: ClientEnding?
    /// The deadline of outstanding attachments; nil when none are outstanding and the timer has noticed that.
    private var attachmentWatch: AttachmentWatch?

    init(session: SessionCore, context: ServerContext, table: NamespaceTable, shard: ShardContextCore) {
        let configuration = context.configuration
        self.session = session
        self.context = context
        self.table = table
        self.shard = shard
        self.allowance = shard.rates?.step ?? .unlimited
        self.pendingLimit = Int32(clamping: shard.limits.maxPendingAcknowledgements)
        // Of a client of revision 3 nothing says what it writes before it has to be answered: `auto` is JSON for it.
        let parser = session.isRevision3 && configuration.parser == .auto ? .default : configuration.parser
        self.parser = DefaultParser(limits: shard.limits.packets, parser: parser, isLegacy: session.isRevision3)
        self.machine = ClientStateMachine(
            limits: shard.limits.client, lenientNamespaceErrors: configuration.lenientNamespaceErrors)
        // Not weak: an object that ever had a weak reference pays for it with every later retain. Cancelled at the end.
        connectTimer = shard.timers.schedule(after: context.connectTimeout) { self.connectTimedOut() }
    }

    var home: ShardInbox { session.home }

    /// How many acknowledgements each of its sockets may wait for.
    var maxPendingAcknowledgements: Int { Int(pendingLimit) }

    /// Connected sockets, in the order of their connection.
    var connectedSockets: [SocketCore] {
        machine.joinedSlots.compactMap { sockets[$0.index] }
    }

    // MARK: Sending

    /// Whether the client's packets are MessagePack. This is known before the first socket is made.
    var isPacked: Bool { parser.isPacked }

    /// Sends a finished message, in the form that the client reads.
    func send(_ message: consuming OutboundMessage) {
        if parser.isPacked { return sendPacked(message) }
        session.send(message)
    }

    @inline(never)
    private func sendPacked(_ message: OutboundMessage) {
        if let packed = MessagePackEncoder.message(message) { session.send(packed) }
    }

    // MARK: EngineSessionHandler

    func received(_ message: consuming EngineMessage) {
        if let hooks { hooks.received(.message(copy message)) }
        do {
            let bytes = Int32(truncatingIfNeeded: message.byteCount)
            allowance.bytes &-= bytes
            guard let packet = try parser.receive(message) else { return awaitAttachments() }
            allowance.events &-= 1
            if (allowance.events | allowance.bytes) < 0, settleRates(bytes: bytes, isEvent: packet.isEvent) { return }
            perform(machine.received(packet), consume packet)
        } catch {
            decodingFailed(error)
        }
    }

    func begin() {
        let packet = SocketPacket(body: .connect(nil))
        perform(machine.received(packet), packet)
    }

    private func perform(_ action: consuming ClientAction, _ packet: consuming SocketPacket) {
        switch consume action {
        case .event(let slot):
            shard.received.events += 1
            guard case .event(let payload) = packet.takeBody() else { return }
            sockets[slot.index]?.received(event: payload, name: packet.shortName, id: packet.id)
        case .ack(let slot, let id):
            shard.received.acknowledgements += 1
            guard case .ack(let payload) = packet.takeBody() else { return }
            sockets[slot.index]?.received(ack: payload, id: id)
        case .connect(let slot, let nsp, let auth):
            guard !isRefused(.connects) else { return connectFailed(slot: slot, nsp: nsp, Self.tooManyConnects) }
            connect(slot: slot, nsp: nsp, auth: auth)
        case .refuseConnect(let nsp, let refusal):
            context.metrics.connectionsRefused.increment()
            exceeded(ClientLimit(refusal))
            refuse(nsp: nsp, ConnectError(refusal.message))
        case .disconnect(let slot): sockets[slot.index]?.close(.clientNamespaceDisconnect, detail: nil)
        case .ignore: context.metrics.packetsIgnored.increment()
        case .violation(let violation):
            context.metrics.protocolViolations.increment()
            context.configuration.logger.debug(
                "Client broke the protocol", metadata: LogMetadata.session(session, reason: "\(violation)"))
            close(detail: violation.words)
        }
    }

    /// A packet of the engine, such as a pong or a noop, has arrived. It reaches no handler of a socket, but counts towards the rates.
    func receivedControl(isHeartbeat: Bool) {
        if isHeartbeat, let hooks { hooks.received(.pong) }
        allowance.events &-= 1
        if allowance.events < 0 { _ = settleRates(bytes: 0, isEvent: false) }
    }

    func upgraded(to transport: TransportName) {
        for socket in connectedSockets { socket.upgraded(to: transport) }
        for listener in hooks?.upgrades ?? [] { listener(transport) }
    }

    func drained() {
        for listener in hooks?.drains ?? [] { listener() }
    }

    /// Changes the hooks of the connection. On the loop.
    func withHooks(_ change: (ConnectionHooks) -> Void) {
        let changed = hooks ?? ConnectionHooks()
        hooks = changed
        change(changed)
    }

    func dropped(messages count: Int) {
        for socket in connectedSockets {
            for listener in socket.hooks?.drops ?? [] { listener(count) }
        }
    }

    func slowClientPolicy(origin: Int32) -> SlowClientPolicy? {
        for index in sockets.indices {
            guard let core = sockets[index], core.part.number == origin, let socket = core.handle else { continue }
            return socket.slowClientPolicy ?? socket.namespace.slowClientPolicy
        }
        return nil
    }

    var endReason: String? { ending?.reason?.rawValue }
    var endDetail: String? { ending?.detail }

    func closed(_ reason: CloseReason, detail: String?) {
        closeSockets(ending?.reason ?? DisconnectReason(reason), detail: detail)
        // They refer to the session, mostly.
        for listener in exchange(&hooks, with: nil)?.closes ?? [] { listener(reason, detail) }
    }

    // MARK: Closing

    /// Closes the session; the sockets that it still has get `reason`. `detail` is for the access log.
    func close(_ reason: DisconnectReason = .forcedServerClose, detail: String? = nil) {
        ending = ClientEnding(reason: reason, detail: detail ?? ending?.detail)
        session.close()
        closeSockets(reason, detail: nil)
    }

    /// Closes the session if it has no sockets left, because the client continues over another one.
    func closeIfUnused() {
        if machine.joinedCount == 0 { session.close(discard: true) }
    }

    /// `socket.disconnect(close: true)`: leaves every namespace, then closes the session.
    func disconnectAll() {
        for socket in connectedSockets { socket.disconnectFromNamespace() }
        close()
    }

    /// Called by a socket that has closed, or that was refused.
    func left(slot: ClientSlot) {
        _ = machine.left(slot: slot)
        if sockets.indices.contains(slot.index) { sockets[slot.index] = nil }
        guard machine.awaitsBatchEnd else { return }
        // What the client sent before it heard of the disconnection has been read by then.
        // As in ShardCore: this closure needs no memory.
        let client = LoopReference(self)
        shard.eventLoop.execute { client.runIfHere { $0.machine.batchEnded() } }
    }

    private func closeSockets(_ reason: DisconnectReason, detail: String?) {
        if !isEnded { endRates() }
        isEnded = true
        cancelConnectTimer()
        if let watch = attachmentWatch {
            shard.timers.cancel(watch.timer)
            attachmentWatch = nil
        }
        parser.reset()
        let open = machine.close().compactMap { sockets[$0.index] }
        for socket in open { socket.close(reason, detail: detail) }
        let left = sockets
        sockets = .none
        left.forEach { $0?.abandon() }
    }

    private func decodingFailed(_ error: PacketDecodingError) {
        guard session.isOpen else { return }
        context.metrics.packetsUndecodable.increment()
        if let limit = ClientLimit(error) { exceeded(limit) }
        context.configuration.logger.debug(
            "Client sent a packet that cannot be decoded", metadata: LogMetadata.session(session, reason: "\(error)"))
        let failure = SocketError(.protocolViolation, "\(error)")
        for socket in connectedSockets { socket.handle?.report(failure, event: nil) }
        ending = ClientEnding(reason: nil, detail: "a packet that cannot be decoded: \(error)")
        // The engine reports `forced close`, and with that reason the sockets are closed.
        session.close()
    }

    // MARK: Attachments

    /// Begins the time in which the attachments of a packet must arrive.
    @inline(never)
    private func awaitAttachments() {
        guard parser.hasBegunCollecting else { return }
        let timeout = shard.limits.attachmentTimeout
        if let watch = attachmentWatch {
            watch.due = session.eventLoop.now + timeout
        } else {
            watchAttachments(until: session.eventLoop.now + timeout)
        }
    }

    private func watchAttachments(until due: NIODeadline) {
        let timer = shard.timers.schedule(after: due - session.eventLoop.now) { self.attachmentsDue() }
        attachmentWatch = AttachmentWatch(due: due, timer: timer)
    }

    private func attachmentsDue() {
        guard let watch = attachmentWatch else { return }
        attachmentWatch = nil
        guard parser.isCollecting, session.isOpen else { return }
        // While the server itself does not read, nothing can arrive.
        let due = max(watch.due, session.heldUntil + shard.limits.attachmentTimeout)
        guard due <= session.eventLoop.now else { return watchAttachments(until: due) }
        decodingFailed(.attachmentsLate)
    }
}
