// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import LoopConfinement
internal import NIOCore
internal import SocketIOCore
internal import Tracing

/// How a client joins namespaces: the namespace is found, the middlewares decide, and the client gets its answer.
extension Client {
    func connectTimedOut() {
        connectTimer = nil
        guard machine.joinedCount == 0, session.isOpen else { return }
        context.metrics.connectTimeouts.increment()
        context.configuration.logger.debug(
            "Client joined no namespace in time", metadata: LogMetadata.session(session, reason: "connectTimeout"))
        close(detail: "no namespace joined within connectTimeout")
    }

    func cancelConnectTimer() {
        guard let timer = connectTimer else { return }
        connectTimer = nil
        shard.timers.cancel(timer)
    }

    /// Finds the namespace, for which it may ask the application, and continues with the middlewares (protocol 3.5).
    func connect(slot: ClientSlot, nsp: String, auth: ByteBuffer?) {
        let auth = auth.flatMap { GivenAuth($0) }
        if session.isRevision3, LegacyNamespace.isAmbiguous(nsp) {
            return connectFailed(slot: slot, nsp: nsp, Self.invalidNamespace)
        }
        if let namespace = table.acquire(existing: nsp) {
            return connect(slot: slot, to: namespace, auth: auth)
        }
        guard table.hasParents else { return connectFailed(slot: slot, nsp: nsp, Self.invalidNamespace) }
        let (client, table) = (LoopReference(self), table)
        shard.running.start {
            let namespace = await table.acquire(matching: nsp, auth: auth?.value ?? GivenAuth.none)
            client.run { client in
                if let namespace {
                    client.connect(slot: slot, to: namespace, auth: auth)
                } else {
                    client.connectFailed(slot: slot, nsp: nsp, Self.invalidNamespace)
                }
            }
        }
    }

    /// Clients of revision 3 get this error in the same form as all others, as from Node.
    private static let invalidNamespace = ConnectError("Invalid namespace")
    static let tooManyConnects = ConnectError("Too many connections to namespaces")

    /// - Parameter failure: why the client cannot continue its earlier session, if that has been tried.
    /// - Parameter found: the earlier session, once it has been looked up on the other servers; nil before.
    func connect(
        slot: ClientSlot, to namespace: Namespace, auth: GivenAuth?, after failure: RecoveryFailure? = nil,
        found: Result<KeptSession, RecoveryFailure>? = nil
    ) {
        guard let conn = session.handle, session.isOpen, !isEnded else { return table.release(namespace) }
        if failure == nil, found == nil, lookUp(slot: slot, in: namespace, auth: auth) { return }
        let part = namespace.local.shards[shard.index].core.value(beside: shard)
        let continuation = continuation(in: namespace, auth: auth, after: failure, found: found)
        let socket = SocketCore(client: self, slot: slot, part: part)
        let handle = socket.makeHandle(namespace: namespace, conn: conn, auth: auth, continuation: continuation)
        while sockets.count <= slot.index { sockets.append(nil) }
        sockets[slot.index] = socket
        let middlewares = namespace.middlewares(for: continuation)
        let span = shard.tracing?.connecting(handle)
        guard !middlewares.isEmpty else { return decided(socket, nil, within: span) }
        shard.running.start(handle) {
            let failure: (any Error)?
            do {
                if let span {
                    try await ServiceContext.withValue(span.context) {
                        for middleware in middlewares { try await middleware(handle) }
                    }
                } else {
                    for middleware in middlewares { try await middleware(handle) }
                }
                failure = nil
            } catch {
                failure = error
            }
            handle.core.run { $0.client.decided($0, failure, within: span) }
        }
    }

    /// The middlewares have ended.
    private func decided(_ socket: SocketCore, _ failure: (any Error)?, within span: SocketSpan?) {
        guard let span else { return failure.map { refused(socket, $0) } ?? connected(socket) }
        span.run {
            guard let failure else { return connected(socket) }
            span.failed(failure)
            refused(socket, failure)
        }
    }

    private func connected(_ socket: SocketCore) {
        let continuation = socket.continuation
        if let continuation, continuation.isRestoring { return restore(socket, continuation) }
        guard session.isOpen, !context.isClosing, machine.connected(slot: socket.slot) else {
            return socket.abandon()
        }
        if let continuation {
            begin(socket, continuation)
        } else {
            socket.becomeConnected()
            guard let handle = socket.handle else { return }
            send(
                session.isRevision3
                    ? DefaultEncoder.connect(nsp: socket.part.name)
                    : DefaultEncoder.connect(nsp: socket.part.name, sid: handle.id))
        }
        welcome(socket)
    }

    /// Whether the socket may still be connected: the session is open and the server is not closing.
    func canConnect(_ socket: SocketCore) -> Bool {
        session.isOpen && !isEnded && !context.isClosing && !socket.isGone
    }

    /// Marks the socket as connected; false when that is no longer possible.
    func markConnected(_ socket: SocketCore) -> Bool { machine.connected(slot: socket.slot) }

    /// Goes on after the answer to the CONNECT has been sent: calls the connection handlers.
    func welcome(_ socket: SocketCore) {
        cancelConnectTimer()
        session.markEstablished()
        guard let handle = socket.handle else { return }
        handle.namespace.connected(socket, handle)
    }

    private func refused(_ socket: SocketCore, _ error: any Error) {
        let (nsp, index) = (socket.part.name, socket.slot.index)
        if sockets.indices.contains(index), sockets[index] === socket { sockets[index] = nil }
        _ = socket.continuation?.step { $0.refused() }
        socket.abandon()
        connectFailed(slot: socket.slot, nsp: nsp, error)
    }

    func connectFailed(slot: ClientSlot, nsp: String, _ error: any Error) {
        guard machine.connectFailed(slot: slot) else { return }
        context.metrics.connectionsRefused.increment()
        refuse(nsp: nsp, error)
    }

    func refuse(nsp: String, _ error: any Error) {
        guard let error = error as? any ClientFacingError else {
            context.log.log(.middlewareFailed, LogMetadata.namespace(nsp, error: error))
            return refuse(nsp: nsp, message: "internal error", data: nil)
        }
        let data = error.data.flatMap { try? RawJSON(encoding: $0) }.map { ByteBuffer(string: $0.json) }
        refuse(nsp: nsp, message: error.message, data: data)
    }

    private func refuse(nsp: String, message: String, data: ByteBuffer?) {
        let isLegacy = session.isRevision3 && message != Self.invalidNamespace.message
        send(
            isLegacy
                ? DefaultEncoder.legacyConnectError(nsp: nsp, message: message, data: data)
                : DefaultEncoder.connectError(nsp: nsp, message: message, data: data))
    }
}
