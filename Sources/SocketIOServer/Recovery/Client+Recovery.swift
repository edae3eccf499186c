// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import LoopConfinement
internal import NIOCore
internal import SocketIOCore

/// Continuing the earlier session of a client (protocol 4.12).
extension Client {
    /// The session with which a new socket of the client begins; nil when recovery is off. After a failed attempt to
    /// continue an earlier session, `failure` is its reason, and the socket gets a new session.
    func continuation(
        in namespace: Namespace, auth: GivenAuth?, after failure: RecoveryFailure?,
        found: Result<KeptSession, RecoveryFailure>? = nil
    ) -> SocketContinuation? {
        // Clients of revision 3 cannot send the values that a return needs.
        guard !session.isRevision3, let sessions = context.recovery, let log = namespace.local.log else { return nil }
        if let failure { return SocketContinuation(pid: sessions.makePid(), failure: failure) }
        // Both values must be strings; otherwise the client does not ask for an earlier session.
        guard let value = auth?.value, let pid = value["pid"]?.string, let offset = value["offset"]?.string else {
            return SocketContinuation(pid: sessions.makePid())
        }
        do throws(RecoveryFailure) {
            return try earlier(pid: pid, offset: offset, namespace, sessions, log, found)
        } catch {
            return SocketContinuation(pid: sessions.makePid(), failure: error)
        }
    }

    /// Looks for an earlier session on the other servers, and continues when they have answered. False when there is
    /// nothing to look for.
    func lookUp(slot: ClientSlot, in namespace: Namespace, auth: GivenAuth?) -> Bool {
        guard let sessions = context.recovery, let log = namespace.local.log, let store = log.store,
            let value = auth?.value, let pid = value["pid"]?.string, let offset = value["offset"]?.string,
            let request = try? RestoreRequest(pid: pid, offset: offset, format: log.format)
        else { return false }
        var holder: Socket?
        if case .held(let socket) = sessions.find(request.pid, now: session.eventLoop.now) { holder = socket }
        let (client, held) = (LoopReference(self), holder?.record(position: log.last))
        shard.running.start {
            let found: Result<KeptSession, RecoveryFailure>
            do throws(RecoveryFailure) {
                let seen = try await store.settle(offset: request.offset, request.early, in: namespace.name)
                var record: KeptSession
                if let held { record = held } else { record = try await store.find(request.pid, in: namespace.name) }
                record.seen = seen
                found = .success(record)
            } catch {
                found = .failure(error)
            }
            client.run { $0.connect(slot: slot, to: namespace, auth: auth, found: found) }
        }
        return true
    }

    private func earlier(
        pid: String, offset: String, _ namespace: Namespace, _ sessions: RecoverySessions, _ log: NamespaceLog,
        _ looked: Result<KeptSession, RecoveryFailure>?
    ) throws(RecoveryFailure) -> SocketContinuation {
        let request = try RestoreRequest(pid: pid, offset: offset, format: log.format)
        let holder: Socket?
        var record: KeptSession
        switch sessions.find(request.pid, now: session.eventLoop.now) {
        case .failure(let failure):
            guard let looked else { throw failure }
            (record, holder) = (try looked.get(), nil)
        case .record(let found): (record, holder) = (found, nil)
        case .held(let socket):
            // A socket of another namespace has another log.
            guard socket.namespace === namespace, let found = socket.record(position: log.last) else {
                throw .otherNamespace
            }
            (record, holder) = (found, socket)
            if let looked { record.seen = try looked.get().seen }
        }
        var machine = RestoreStateMachine(request: request, namespace: namespace.name)
        switch machine.found(record, isHeld: holder != nil) {
        case .runMiddlewares: break
        case .startOver(let failure, _): throw failure
        default: throw .unknownPid
        }
        // This is checked before the middlewares run, so that they do not run for a session that cannot be continued.
        guard log.isComplete(for: record, after: max(request.offset, record.start)) else { throw .trimmed }
        return SocketContinuation(record, holder: holder, offset: offset, machine: machine)
    }

    /// Continues after the middlewares have accepted a client that waits for its earlier session.
    func restore(_ socket: SocketCore, _ continuation: SocketContinuation) {
        guard let handle = socket.handle, canConnect(socket) else { return abandon(socket) }
        let subject = handle.rateIdentity
        switch continuation.step({ $0.passed(subject: subject) }) {
        case .claim: take(socket, continuation)
        case .release:
            guard let holder = continuation.holder else { return startOver(socket, .unknownPid) }
            release(holder, for: handle, continuation)
        case .startOver(let failure, _): startOver(socket, failure)
        default: abandon(socket)
        }
    }

    /// Closes the socket that still has the session, on whichever loop it lives.
    private func release(_ holder: Socket, for socket: Socket, _ continuation: SocketContinuation) {
        holder.core.run { holder in
            holder.releaseSession()
            socket.core.run { socket in
                let client = socket.client
                guard case .claim = continuation.step({ $0.released() }) else { return client.abandon(socket) }
                client.take(socket, continuation)
            }
        }
    }

    /// Takes the record from the store that all servers share, if there is one.
    private func take(_ socket: SocketCore, _ continuation: SocketContinuation) {
        guard let store = socket.part.log?.store, let sessions = context.recovery, let earlier = continuation.earlier,
            let handle = socket.handle
        else { return claim(socket, continuation) }
        let life = TimeAmount(sessions.settings.maxDisconnectionDuration)
        shard.running.start {
            let taken: Result<KeptSession, RecoveryFailure>
            do throws(RecoveryFailure) {
                taken = .success(try await store.claim(earlier))
            } catch {
                taken = .failure(error)
            }
            handle.core.run { core in
                let client = core.client
                switch taken {
                case .failure(let failure): client.startOver(core, failure)
                case .success(let record):
                    let now = client.session.eventLoop.now
                    sessions.keep(record, until: now + life)
                    client.claim(core, continuation)
                    // The record was not needed after all.
                    guard case .record(let left) = sessions.find(record.pid, now: now) else { return }
                    sessions.forget(left.pid)
                    store.keep(left, for: life)
                }
            }
        }
    }

    /// Claims the record, joins the rooms and reads the missed events, in one step of this loop.
    private func claim(_ socket: SocketCore, _ continuation: SocketContinuation) {
        guard let sessions = context.recovery, let log = socket.part.log, let handle = socket.handle,
            canConnect(socket)
        else { return abandon(socket) }
        do throws(RecoveryFailure) {
            try socket.part.attaching { delivered throws(RecoveryFailure) in
                // Events that were delivered here early come into the log later, and this socket would get them neither way.
                guard delivered.isSettled else { throw .storeUnavailable }
                let position = delivered.position
                var restored: (record: KeptSession, missed: [OutboundMessage])?
                try sessions.claim(continuation.pid, now: session.eventLoop.now) { record throws(RecoveryFailure) in
                    var record = record
                    record.seen = continuation.earlier?.seen ?? []
                    let missed = try read(record, continuation, log, position)
                    guard markConnected(socket) else { throw .unknownPid }
                    restored = (record, missed)
                }
                guard let restored else { throw .unknownPid }
                continuation.restored(restored.record, missed: restored.missed.count)
                sessions.hold(restored.record.pid, by: handle)
                for message in restored.missed { send(message) }
                answer(handle, continuation, log, at: position)
                socket.becomeConnected()
                expectReplays(socket, restored.record.rooms)
                socket.join(restored.record.rooms)
            }
        } catch {
            return startOver(socket, error)
        }
        // Deliver what was sent since the socket joined its rooms.
        socket.part.deliverQueued()
        welcome(socket)
        socket.part.replays.expectNoMore(ObjectIdentifier(socket))
    }

    /// Events of the rooms' histories wait until the handlers of the socket have had the chance to ask for a replay.
    private func expectReplays(_ socket: SocketCore, _ rooms: [String]) {
        guard context.histories != nil else { return }
        for room in rooms { socket.part.replays.expect(room, ObjectIdentifier(socket)) }
    }

    private func read(
        _ record: KeptSession, _ continuation: SocketContinuation, _ log: NamespaceLog, _ position: EventPosition
    ) throws(RecoveryFailure) -> [OutboundMessage] {
        switch continuation.step({ $0.claimed(record) }) {
        case .attach: break
        case .startOver(let failure, _): throw failure
        default: throw .unknownPid
        }
        guard case .read(_, let start, let end) = continuation.step({ $0.attached(at: position) }) else {
            throw .unknownPid
        }
        let limits = context.recovery?.settings.replayLimits ?? ReplayLimits()
        return try log.missed(by: record, after: start, through: end, limits: limits)
    }

    /// The session cannot be continued: the client gets a new one, and its middlewares run once more.
    private func startOver(_ socket: SocketCore, _ failure: RecoveryFailure) {
        guard let handle = socket.handle, canConnect(socket),
            let namespace = table.acquire(existing: handle.namespace.name)
        else { return abandon(socket) }
        socket.abandon()
        connect(slot: socket.slot, to: namespace, auth: handle.auth, after: failure)
    }

    private func abandon(_ socket: SocketCore) {
        _ = socket.continuation?.step { $0.lost() }
        socket.abandon()
    }

    /// Begins a new session after the middlewares have accepted the client.
    func begin(_ socket: SocketCore, _ continuation: SocketContinuation) {
        guard let handle = socket.handle, let log = socket.part.log else { return }
        try? socket.part.attaching { delivered throws(RecoveryFailure) in
            let position = delivered.position
            continuation.began(at: position, subject: handle.rateIdentity)
            context.recovery?.hold(continuation.pid, by: handle)
            answer(handle, continuation, log, at: position)
            socket.becomeConnected()
        }
        // Deliver what was sent since the socket joined its room.
        socket.part.deliverQueued()
        if case .failed(let failure) = continuation.outcome, let event = context.recovery?.settings.failedEvent {
            handle.emit(event, failure.rawValue)
        }
    }

    private func answer(
        _ socket: Socket, _ continuation: SocketContinuation, _ log: NamespaceLog, at position: EventPosition
    ) {
        context.recovery?.count(continuation.outcome)
        send(
            DefaultEncoder.connect(
                nsp: socket.namespace.name, sid: socket.id, pid: continuation.pid.text,
                offset: log.offset(position)))
    }
}
