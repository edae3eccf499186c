// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import LoopConfinement
internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// The engine: verifies requests and hands them to the sessions, which live on one shard per event loop.
package final class EngineServer: EngineRequestHandler {
    package let shards: [Shard]
    let context: EngineContext
    let delegate: any EngineDelegate
    var admission: AdmissionControl { context.admission }
    /// Carries requests to other nodes; nil on a node without any.
    let forwarder: Forwarder?
    /// What sessions that are opened from now on go by; ``context`` is what the first ones went by.
    let newSessions: NIOLockedValueBox<EngineContext>
    /// The largest body that any session may send.
    let bodyLimit: Synchronization.Atomic<Int>
    private let ids: SessionIDGenerator
    /// What ids made here begin with.
    private let nodeTag: PackedTag?
    private let shardOfLoop: [ObjectIdentifier: Int]
    let isClosing = Atomic(false)
    private let nextForeignLoop = Atomic(0)

    /// - Parameters:
    ///   - configuration: validated by the caller.
    ///   - eventLoops: the loops connections are accepted on; the first 64 get a shard.
    ///   - delegate: hears of every new session.
    package init(configuration: EngineConfiguration, eventLoops: [any EventLoop], delegate: any EngineDelegate) {
        precondition(!eventLoops.isEmpty, "the engine needs at least one event loop")
        let log = RateLimitedLogger<EngineLogKind>(configuration.logger, eventLoop: eventLoops[0])
        let context = EngineContext(configuration, log: log)
        let loops = eventLoops.prefix(SessionID.maximumShards)
        self.context = context
        self.delegate = delegate
        self.forwarder = Forwarder(configuration, eventLoops: eventLoops)
        self.newSessions = NIOLockedValueBox(context)
        self.bodyLimit = Atomic(configuration.maxHttpBufferSize)
        // A tag of another form is refused when the server is to listen; until then no session is made.
        self.ids = SessionIDGenerator(
            nodeTag: SessionID.isValidTag(configuration.nodeTag) ? configuration.nodeTag : "----")
        self.nodeTag = PackedTag(configuration.nodeTag)
        self.shards = loops.enumerated().map { index, eventLoop in
            Shard(
                index: index, eventLoop: eventLoop, isOnlyShard: loops.count == 1,
                heartbeatResolution: context.heartbeatResolution, compression: configuration.perMessageDeflate,
                maximumUnhandledBytes: configuration.maxUnhandledInputBytes)
        }
        self.shardOfLoop = Dictionary(
            loops.enumerated().map { (ObjectIdentifier($1), $0) }, uniquingKeysWith: { first, _ in first })
        context.budget.onExcess { [weak self, budget = context.budget] in
            if let self { self.shed() } else { budget.sheddingEnded() }
        }
    }

    var isClosingNow: Bool { isClosing.load(ordering: .acquiring) }

    /// How many sessions are open or closing. From any thread.
    package var clientsCount: Int { context.metrics.sessionCount }

    /// How many sessions may be open. May be read from any thread.
    package var maxSessions: Int { admission.maxSessions }

    /// The number of pending sessions, which their clients have not begun to use. May be read from any thread.
    package var pendingCount: Int { context.pending.sessionCount }

    // MARK: Requests

    package func handle(_ exchange: HTTPExchange) {
        let request = exchange.request
        let origin = request.traits.hasOrigin ? request.headers.first(name: "Origin") : nil
        let handshake = HandshakeRequest(
            method: request.method.rawValue, query: QueryParameters(target: request.target),
            isUpgrade: request.isUpgrade, origin: origin)
        let verdict = HandshakeCheck.route(handshake, transports: context.transports)
        guard !isClosingNow else { return serveWhileClosing(exchange, handshake, verdict) }
        switch verdict {
        case .handshake(let transport, let isSupportedRevision):
            let denial = admission.check(
                sessions: clientsCount, address: request.clientAddress, now: exchange.eventLoop.now)
            if let denial { return refuse(exchange, denial) }
            let opening = PendingHandshake(
                exchange: exchange, info: HandshakeInfo(request), transport: transport,
                dialect: ClientDialect(handshake),
                isSupportedRevision: isSupportedRevision || context.configuration.allowEIO3,
                revision: handshake.query["EIO"])
            begin(opening)
        case .existing(let transport):
            continueSession(exchange, handshake, transport)
        case .acceptThenClose:
            openWebSocket(for: exchange, shard: shard(for: exchange.eventLoop), sid: nil, dialect: .usual) {
                $1.end(isBroken: false)
            }
        case .refuse(let refusal):
            refuse(exchange, refusal, handshake)
        }
    }

    // MARK: Live sessions

    /// The shard a session id names; nil when the id cannot be one of this server.
    func home(of id: StoredSessionID) -> Shard? {
        let index: Int?
        if context.configuration.generateId != nil {
            index = context.customHomes.withLockedValue { $0[ExactName(id.text)] }
        } else {
            index = id.packed.flatMap { $0.nodeTag == nodeTag ? $0.shard : nil }
        }
        guard let index, shards.indices.contains(index) else { return nil }
        return shards[index]
    }

    private func continueSession(
        _ exchange: HTTPExchange, _ handshake: HandshakeRequest, _ transport: TransportName
    ) {
        if let forwarder, !exchange.request.isForwarded { forwarder.metrics.countRequest() }
        let id = StoredSessionID(handshake)
        guard let home = home(of: id) else { return serveElsewhere(exchange, handshake) }
        let hasBody = !handshake.isUpgrade && exchange.request.method == .POST
        let limit = bodyLimit.load(ordering: .relaxed)
        let isHere: Void? = home.core.runIfHere { shard in
            let transport = serve(id, exchange, handshake, transport, on: shard, home)
            guard hasBody, let transport else { return }
            let polling = LoopReference(transport)
            // The body comes in where its request has: here.
            exchange.collectBody(limit: limit) { result in
                polling.runIfHere { $0.postCompleted(exchange, result) }
            }
        }
        guard isHere == nil else { return }
        home.run { shard in _ = self.serve(id, exchange, handshake, transport, on: shard, home) }
        // The body has to be asked for here and now. If the session does not want it, its answer goes out first and
        // nobody looks at what comes of this.
        guard hasBody else { return }
        exchange.collectBody(limit: limit) { result in
            let result = result.map { ByteBuffer(bytes: $0.readableBytesView) }
            home.run { shard in
                (shard.liveSession(id: id)?.activeTransport as? PollingTransport)?.postCompleted(exchange, result)
            }
        }
    }

    /// The session is not of this server: perhaps of another node, else unknown.
    func serveElsewhere(_ exchange: HTTPExchange, _ handshake: HandshakeRequest) {
        // Only nodes send such requests. If this one were forwarded, this node would sign it.
        guard exchange.request.method != Forwarder.releaseMethod || exchange.request.isForwarded else {
            _ = refuseMethod(exchange)
            return
        }
        let refuse: @Sendable () -> Void = { self.refuse(exchange, HandshakeRefusal(.unknownSID), handshake) }
        guard let forwarder, !exchange.request.isForwarded, context.configuration.generateId == nil,
            let sid = handshake.sid, let tag = SessionID.nodeTag(of: sid), tag != context.configuration.nodeTag,
            forwarder.take(MisroutedRequest(exchange: exchange, sid: sid, tag: tag, refuse: refuse))
        else { return refuse() }
    }

    /// On the session's loop. The transport that has taken the request, if it is one of long-polling.
    private func serve(
        _ id: StoredSessionID, _ exchange: HTTPExchange, _ handshake: HandshakeRequest, _ transport: TransportName,
        on shard: ShardCore, _ home: Shard
    ) -> PollingTransport? {
        let session = shard.liveSession(id: id)
        let verdict = HandshakeCheck.verifyExisting(
            transport: transport, isUpgrade: handshake.isUpgrade,
            lookup: session.map { .live($0.transport) } ?? .unknown)
        if case .existing = verdict { session?.clientReturned() }
        switch verdict {
        case .refuse(let refusal):
            refuse(exchange, refusal, handshake, previousTransport: session?.transport)
        case .acceptThenClose, .handshake:
            onLoop(of: exchange) { server in
                server.openWebSocket(for: exchange, shard: home, sid: nil, dialect: .usual) {
                    $1.end(isBroken: false)
                }
            }
        case .existing where handshake.isUpgrade:
            let limits = session?.context.webSocketLimits
            onLoop(of: exchange) { server in
                server.openWebSocket(
                    for: exchange, shard: home, sid: nil, dialect: ClientDialect(handshake), limits: limits
                ) { shard, transport in
                    guard let session = shard.liveSession(id: id) else { return transport.end(isBroken: false) }
                    session.candidateOpened(transport)
                }
            }
        case .existing:
            guard let polling = session?.activeTransport as? PollingTransport else { return nil }
            switch exchange.request.method {
            case .GET: polling.pollReceived(exchange)
            case .POST: polling.postReceived(exchange)
            case Forwarder.releaseMethod:
                guard exchange.request.isForwarded else { return refuseMethod(exchange) }
                polling.releasePoll()
                exchange.respond(HTTPServerResponse(status: .noContent))
            default: exchange.respond(HTTPServerResponse(status: .internalServerError))
            }
            return polling
        }
        return nil
    }

    /// A client has used the method that is reserved for nodes.
    private func refuseMethod(_ exchange: HTTPExchange) -> PollingTransport? {
        exchange.respond(HTTPServerResponse(status: .methodNotAllowed, headers: ["Allow": "GET, POST"]))
        return nil
    }

    // MARK: New sessions

    /// The shard of a connection; a connection on a loop without one is given to some shard.
    func shard(for eventLoop: any EventLoop) -> Shard {
        if let index = shardOfLoop[ObjectIdentifier(eventLoop)] { return shards[index] }
        let turn = nextForeignLoop.wrappingAdd(1, ordering: .relaxed).oldValue
        return shards[Int(turn.magnitude % UInt(shards.count))]
    }

    /// Opens the session. On the connection's loop, after all checks; `customID` is what `generateId` made.
    func open(_ opening: PendingHandshake, customID: String?) {
        guard !isClosingNow else { return refuseWhileClosing(opening.exchange) }
        // While a hook was running, the server may have begun to drain, or accepted other sessions.
        let address = opening.exchange.request.clientAddress
        if let denial = admission.checkAgain(sessions: clientsCount, address: address) {
            return refuse(opening.exchange, denial)
        }
        let shard = shard(for: opening.exchange.eventLoop)
        let context = contextForNewSession
        let sid = customID ?? ids.next(shard: shard.index)
        let info = opening.info.keeping(context.configuration.keptHeaders)
        if customID != nil {
            let isNew = context.customHomes.withLockedValue { homes in
                guard homes[ExactName(sid)] == nil else { return false }
                homes[ExactName(sid)] = shard.index
                return true
            }
            guard isNew else { return refuse(opening, HandshakeRefusal(.badRequest, reason: .idGenerationError)) }
        }
        switch opening.transport {
        case .polling:
            shard.run { [self] shard in
                let transport = PollingTransport(shard: shard, context: context, dialect: opening.dialect)
                let session = SessionCore(
                    id: sid, handshake: info, shard: shard, context: context, activeTransport: transport,
                    isRevision3: opening.dialect.isRevision3)
                transport.attach(to: session)
                transport.pollReceived(opening.exchange)
                session.open(delegate: delegate)
            }
        case .websocket:
            let isOpened = openWebSocket(
                for: opening.exchange, shard: shard, sid: sid, dialect: opening.dialect,
                limits: context.webSocketLimits
            ) { [self] shard, transport in
                let session = SessionCore(
                    id: sid, handshake: info, shard: shard, context: context, activeTransport: transport,
                    isRevision3: opening.dialect.isRevision3)
                transport.attach(to: session)
                session.open(delegate: delegate)
            }
            if !isOpened { context.forgetCustomID(sid) }
        }
    }

    /// For a connection on this loop.
    func assembler(for eventLoop: NIOIsolatedEventLoop) -> AssemblerPool {
        if let shard = shard(of: eventLoop) { return shard.assembler }
        return AssemblerPool(inflater: context.configuration.perMessageDeflate == nil ? nil : FrameInflater())
    }

    /// What lives on this loop; nil for one without a shard.
    private func shard(of eventLoop: NIOIsolatedEventLoop) -> ShardCore? {
        shardOfLoop[ObjectIdentifier(eventLoop.nonisolated())].map { shards[$0].core.value(on: eventLoop) }
    }

    package func refusedBefore(_ code: EngineErrorCode) { context.metrics.refused(code) }

    package func receiveBuffer(for eventLoop: NIOIsolatedEventLoop) -> ReceiveBufferPool? {
        shard(of: eventLoop)?.receiveBuffer
    }

    func onLoop(of exchange: HTTPExchange, _ work: @escaping @Sendable (EngineServer) -> Void) {
        if exchange.eventLoop.inEventLoop { work(self) } else { exchange.eventLoop.execute { work(self) } }
    }
}
