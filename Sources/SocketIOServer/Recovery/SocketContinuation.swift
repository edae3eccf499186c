// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore
internal import Synchronization

/// The recovery state of a socket: its secret id, and how it got its session.
final class SocketContinuation: Sendable {
    private struct State: Sendable {
        var start = EventPosition.zero
        var outcome = SessionRecovery.none
        /// The user of the session, as the middlewares have determined it.
        var subject: String?
        /// Decides the next step while the client waits for its earlier session; nil before and after that.
        var machine: RestoreStateMachine?
        /// Whether the connection was lost in a way that lets the client return.
        var isLost = false
        /// Whether a write of the connected socket's record is scheduled, and when the last one was.
        var isRecording = false
        var recorded: NIODeadline?
    }

    /// The secret with which the client asks for the session.
    let pid: PackedID
    /// The session that the client is about to get, while its middlewares have not run yet.
    let earlier: KeptSession?
    /// The offset that the client sent: it has seen the earlier session's events up to here.
    let offset: String
    /// The socket that counts as connected and has the session.
    let holder: Socket?
    private let state: Mutex<State>

    /// Starts a new session; `failure` is why the client did not get the earlier one that it asked for.
    init(pid: PackedID, failure: RecoveryFailure? = nil) {
        self.pid = pid
        earlier = nil
        holder = nil
        offset = ""
        var state = State()
        if let failure { state.outcome = .failed(failure) }
        self.state = Mutex(state)
    }

    /// Continues an earlier session.
    init(_ record: KeptSession, holder: Socket?, offset: String, machine: RestoreStateMachine) {
        pid = record.pid
        earlier = record
        self.holder = holder
        self.offset = offset
        var state = State()
        state.machine = machine
        self.state = Mutex(state)
    }

    var outcome: SessionRecovery { state.withLock { $0.outcome } }

    var start: EventPosition { state.withLock { $0.start } }

    var subject: String? { state.withLock { $0.subject } }

    var isLost: Bool { state.withLock { $0.isLost } }

    /// Whether the client still waits for its earlier session.
    var isRestoring: Bool { state.withLock { $0.machine != nil } }

    /// Performs a step of the machine; `drop` when there is nothing to restore.
    func step(_ body: (inout RestoreStateMachine) -> RestoreAction) -> RestoreAction {
        state.withLock { state in
            guard var machine = state.machine else { return .drop }
            defer { state.machine = machine }
            return body(&machine)
        }
    }

    /// Notes that a new session begins.
    func began(at start: EventPosition, subject: String?) {
        state.withLock {
            $0.start = start
            $0.subject = subject
        }
    }

    /// Notes that the earlier session continues.
    func restored(_ record: KeptSession, missed: Int) {
        state.withLock {
            $0.start = record.start
            $0.subject = record.subject
            $0.outcome = .recovered(missed: missed)
            $0.machine = nil
        }
    }

    /// Schedules a write of the record: returns the delay until it, or nil when one is scheduled already.
    func beginRecording() -> TimeAmount? {
        state.withLock { state in
            guard !state.isRecording else { return nil }
            state.isRecording = true
            return state.recorded == nil ? Self.firstRecordDelay : Self.recordInterval
        }
    }

    func recorded(at now: NIODeadline) {
        state.withLock {
            $0.isRecording = false
            $0.recorded = now
        }
    }

    var lastRecorded: NIODeadline? { state.withLock { $0.recorded } }

    /// The handlers of a new connection join rooms first.
    private static let firstRecordDelay = TimeAmount.milliseconds(20)
    private static let recordInterval = TimeAmount.seconds(1)

    func lost() { state.withLock { $0.isLost = true } }
}

extension Socket {
    // MARK: Connection state recovery

    /// Whether the socket continues an earlier session of its client, with its id, rooms and ``data``. Always false without
    /// ``ServerConfiguration/connectionStateRecovery``, and while the middlewares run.
    public var recovered: Bool {
        if case .recovered = recovery { return true }
        return false
    }

    /// The result of the client's request to continue its earlier session.
    public var recovery: SessionRecovery { continuation?.outcome ?? .none }

    /// The record that would be kept if the socket's connection were lost now. From any thread.
    func record(position: EventPosition) -> KeptSession? {
        guard let continuation else { return nil }
        return KeptSession(
            pid: continuation.pid, sid: id, namespace: namespace.name,
            rooms: rooms.filter { !$0.hasSameBytes(as: id) }, data: data, start: continuation.start,
            position: position, subject: continuation.subject)
    }

    /// Sends an event for the client of a socket that has gone to the socket that has its session now, or keeps the
    /// event for its return.
    func sendToSuccessor(_ event: String, _ arguments: EncodedArguments, _ flags: EmitFlags) {
        guard let continuation, continuation.isLost, let sessions = context.recovery else { return }
        if namespace.local.log?.isShared != true,
            case .failure = sessions.find(continuation.pid, now: eventLoop.now)
        {
            return
        }
        namespace.local.broadcast(
            BroadcastPacket(namespace: namespace.name, event: event, data: arguments),
            options: BroadcastOptions(rooms: [id], flags: BroadcastFlags(flags)))
    }
}

extension SocketCore {
    var continuation: SocketContinuation? { handle?.continuation }

    /// Keeps or forgets the session of a connected socket that is about to go.
    func keepSession(_ handle: Socket, _ continuation: SocketContinuation, _ reason: DisconnectReason) {
        guard let sessions = context.recovery, let log = part.log else { return }
        guard reason.isRecoverable, let record = handle.record(position: log.last) else {
            log.store?.forget(continuation.pid)
            return sessions.forget(continuation.pid)
        }
        let expiry = home.eventLoop.now + TimeAmount(sessions.settings.maxDisconnectionDuration)
        continuation.lost()
        log.need(until: expiry)
        guard let store = log.store else { return sessions.keep(record, until: expiry) }
        sessions.forget(continuation.pid)
        store.keep(record, for: TimeAmount(sessions.settings.maxDisconnectionDuration))
    }

    /// Notes a change that other servers have to know if this one dies.
    func recordChanged() {
        guard part.log?.isShared == true, connected, let delay = continuation?.beginRecording() else { return }
        _ = client.shard.timers.schedule(after: delay) { [weak self] in self?.writeRecord() }
    }

    private func writeRecord() {
        guard let handle, handle.connected, let log = part.log, let store = log.store, let sessions = context.recovery,
            let continuation = handle.continuation, var record = handle.record(position: log.last)
        else { return }
        let now = home.eventLoop.now
        continuation.recorded(at: now)
        record.owner = store.owner
        let life = TimeAmount(sessions.settings.maxDisconnectionDuration)
        store.keep(record, for: life)
        // The record is written again before it expires, unless a change has caused that in the meantime.
        _ = client.shard.timers.schedule(after: .nanoseconds(life.nanoseconds / 3)) { [weak self] in
            guard let self, self.continuation?.lastRecorded == now else { return }
            self.recordChanged()
        }
    }

    /// Closes this socket because another connection continues its session. Its own connection is gone without the
    /// server having noticed.
    func releaseSession() {
        guard connected else { return }
        close(.transportClose, detail: "the client continues over another connection")
        client.closeIfUnused()
    }

    // MARK: Sending in order

    /// Sends an event through the adapter, which gives it its place; false when the event must not take this way.
    func sendThroughAdapter(_ event: String, _ arguments: EncodedArguments, _ flags: EmitFlags) -> Bool {
        guard let handle, handle.connected, !flags.isVolatile, part.log?.isShared == true else { return false }
        handle.namespace.adapter.broadcast(
            BroadcastPacket(namespace: part.name, event: event, data: arguments),
            options: BroadcastOptions(rooms: [handle.id], flags: BroadcastFlags(flags)))
        return true
    }

    /// Sends an event with its offset, after everything that was sent in the namespace before.
    func sendInOrder(_ arguments: EncodedArguments, _ flags: EmitFlags, _ log: NamespaceLog) {
        guard let handle else { return }
        if !handle.connected, let continuation = handle.continuation, continuation.isRestoring {
            // The event is neither kept nor counted: the client's offset stays the same until the client has all missed
            // events.
            return client.send(
                log.message(arguments, BroadcastFlags(flags), offset: continuation.offset))
        }
        switch log.place(
            arguments, BroadcastFlags(flags), to: self, id: handle.id, here: part.shard.index, now: home.eventLoop.now)
        {
        case .deliver(let message): client.send(message)
        case .queued: part.deliverQueued()
        }
    }
}

extension BroadcastFlags {
    fileprivate init(_ flags: EmitFlags) {
        self.init(isVolatile: flags.isVolatile, compress: flags.compress)
        coalescingKey = flags.coalescingKey
        roomPosition = flags.roomPosition
    }
}
