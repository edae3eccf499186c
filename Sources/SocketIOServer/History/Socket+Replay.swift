// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import SocketIOCore

extension Socket {
    /// Joins a room and sends the client the events of its history, then those that are sent from now on: each once, in order,
    /// without a gap (protocol 4.13).
    ///
    /// ```swift
    /// io.onConnection { socket in
    ///     let last = socket.handshake.auth["position"]?.string.flatMap { RoomPosition($0) }
    ///     try await socket.replay("lobby", since: last.map { .position($0) } ?? .last(50))
    /// }
    /// ```
    ///
    /// The client gets each event with its name and arguments and one more argument at the end, the ``RoomPosition`` as a string.
    /// Events of ``BroadcastOperator/durable`` that are sent while the replay is under way reach the client at its end; other events
    /// do not wait. A slow client delays only its own replay.
    ///
    /// Call this instead of `join`, and before the handler waits for anything. A socket that joins first gets the durable events
    /// that are sent between the two calls, and may get them again in the replay. The call works from any task; on the socket's
    /// event loop, where handlers begin, the socket has joined before the first suspension.
    ///
    /// The start may be a position as the client has sent it. A position of another history, or one that does not exist yet, begins
    /// with the oldest event, and ``RoomReplay/isComplete`` is false.
    ///
    /// - Returns: What was sent, once the client has been sent everything. The client need not have received it yet.
    /// - Throws: After an error, a socket that was not in the room before is not in it. ``SocketError`` with these codes:
    ///   - `historyUnavailable`: the history cannot be reached, or has lost its newest events.
    ///   - `tooLarge`: more than ``DurableRooms/maxReplayEvents`` events would have to be sent. Nothing was sent, unless so many were
    ///     added while the replay was under way.
    ///   - `overloaded`: more than ``DurableRooms/maxWaitingReplays`` replays and reads wait on this server.
    ///   - `notSupported`: ``ServerConfiguration/durableRooms`` is nil, the adapter or ``DurableRooms/limitsOfRoom`` gives the room
    ///     no history, or another replay of the room is under way for this socket.
    ///   - `invalidConfiguration`: ``DurableRooms/limitsOfRoom`` has returned limits that cannot be used.
    ///   - `roomRefused`: the name of the room is too long, the socket is in too many rooms, or the client joins too many in a second.
    ///   - `disconnected`: the socket has disconnected, or has left the room since the replay began.
    ///
    ///   `CancellationError` when the task is cancelled.
    @discardableResult
    public nonisolated(nonsending) func replay(_ room: String, since start: ReplayStart) async throws -> RoomReplay {
        let (feeds, history) = try namespace.durableRooms(room)
        let limits = try feeds.settings.limits(of: room, in: namespace.name)
        // At once when called on the loop, so that the client gets no event of the room before.
        let begin: Result<BegunReplay, SocketError>
        if let here = core.runIfHere({ $0.beginReplay(room) }) {
            begin = here
        } else {
            begin = await core.get { $0.beginReplay(room) }
        }
        let begun = try begin.get()
        do {
            let replay = Replay(
                socket: self, room: room, number: begun.number, feeds: feeds, history: history, limits: limits)
            return try await feeds.admitted { try await replay.run(start) }
        } catch {
            core.run { $0.abandonReplay(begun, of: room) }
            throw error
        }
    }
}

/// One replay, from its beginning to the point where live events take over.
private struct Replay: Sendable {
    let socket: Socket
    let room: String
    let number: UInt64
    let feeds: RoomFeeds
    let history: any RoomHistory
    let limits: RoomHistoryLimits

    private static let pageEvents = 256
    private static let pageBytes = 1 << 20
    private static let maximumIdleRounds = 100
    private static let idleDelay = Duration.milliseconds(20)

    func run(_ start: ReplayStart) async throws -> RoomReplay {
        var (replay, place, floor) = try await begin(start)
        let maximum = UInt64(feeds.settings.maxReplayEvents)
        var idleRounds = 0
        while true {
            try Task.checkCancellation()
            let page = try await read(.after(place?.number ?? 0), count: Self.pageEvents)
            if let epoch = page.epoch, epoch != place?.epoch {
                // Another history has begun.
                if place != nil { replay.isComplete = false }
                place = RoomPosition(epoch: epoch, number: 0)
                floor = 0
                continue
            }
            if place != nil, page.epoch == nil || page.first > floor + 1 { replay.isComplete = false }
            let (events, target) = (page.events, page.epoch.map { RoomPosition(epoch: $0, number: page.last) })
            let reached = target.map { RoomPosition(epoch: $0.epoch, number: events.last?.number ?? $0.number) }
            let isEnd = reached == target
            let outcome = await socket.core.get {
                $0.sendReplay(number, events, to: reached, isEnd: isEnd, of: room)
            }
            guard let outcome else { throw SocketError.disconnected }
            feeds.common.replayed.increment(by: outcome.sent)
            replay.events += outcome.sent
            place = reached ?? place
            floor = place?.number ?? 0
            if outcome.isOver {
                replay.position = place
                return replay
            }
            if events.isEmpty {
                // A live event that the history does not have: it has lost events, or is only late.
                idleRounds += 1
                guard idleRounds < Self.maximumIdleRounds else {
                    throw SocketError(.historyUnavailable, "the history has lost its newest events")
                }
                try await Task.sleep(for: Self.idleDelay)
            }
            // Events that were sent meanwhile count, too.
            guard UInt64(clamping: replay.events) <= 2 * maximum else { throw tooLarge() }
            guard await waitForRoom() else { throw SocketError.disconnected }
        }
    }

    /// Finds the place before the first event, and the number after which no event may be missing.
    private func begin(_ start: ReplayStart) async throws -> (RoomReplay, RoomPosition?, floor: UInt64) {
        var replay = RoomReplay(events: 0, isComplete: true, position: nil)
        let page = try await read(.newest, count: 1)
        guard let epoch = page.epoch else {
            if case .position(let position) = start { replay.isComplete = position.number == 0 }
            return (replay, nil, 0)
        }
        let newest = RoomPosition(epoch: epoch, number: page.last)
        await feeds.core.get { $0.begin(room, at: newest) }
        // The history itself gives out numbers from 1, and `first` is at most one above `last`.
        var number = min(max(page.first, 1) - 1, page.last)
        var floor = page.last
        switch start {
        case .beginning: break
        case .last(let count):
            number = max(number, page.last - min(page.last, UInt64(clamping: count)))
        case .position(let position):
            if position.epoch == epoch, position.number <= page.last {
                replay.isComplete = position.number >= number
                number = max(number, position.number)
            } else {
                replay.isComplete = false
            }
            floor = number
        }
        guard page.last - number <= UInt64(feeds.settings.maxReplayEvents) else { throw tooLarge() }
        return (replay, RoomPosition(epoch: epoch, number: number), floor)
    }

    private func tooLarge() -> SocketError {
        feeds.common.metrics.refused(.replayEvents)
        return SocketError(
            .tooLarge, "a replay may send at most \(feeds.settings.maxReplayEvents) events; read the history in pages")
    }

    private func read(_ query: RoomQuery, count: Int) async throws -> RoomPage {
        try await history.read(
            query, of: room, in: socket.namespace.name, count: count, bytes: Self.pageBytes, limits)
    }

    /// Waits until the client has read enough, and lets others work meanwhile. False when it has gone.
    private func waitForRoom() async -> Bool {
        if await socket.core.get({ $0.client.session.hasRoom }) { return true }
        return await feeds.common.gate.pausing {
            await withCheckedContinuation { continuation in
                socket.core.run { core in
                    core.client.session.whenRoom { continuation.resume(returning: $0) }
                }
            }
        }
    }
}

/// A replay that has begun.
struct BegunReplay: Sendable {
    let number: UInt64
    /// Whether the socket was in the room before.
    let wasMember: Bool
}

/// What became of a page.
struct ReplayOutcome: Sendable {
    var sent: Int
    /// Whether the client has everything, and gets live events now.
    var isOver: Bool
}

extension SocketCore {
    /// From now on no live event of the room's history reaches the socket.
    func beginReplay(_ room: String) -> Result<BegunReplay, SocketError> {
        guard let handle, handle.connected, !isLeaving else { return .failure(.disconnected) }
        let wasMember = handle.rooms.contains(room)
        guard let number = part.replays.begin(room, ObjectIdentifier(self)) else {
            return .failure(SocketError(.notSupported, "a replay of this room is under way for the socket"))
        }
        joinCharged([room])
        guard handle.rooms.contains(room) else {
            part.replays.end(room, ObjectIdentifier(self))
            return .failure(SocketError(.roomRefused, "the socket may not join the room"))
        }
        return .success(BegunReplay(number: number, wasMember: wasMember))
    }

    /// The replay has failed.
    func abandonReplay(_ replay: BegunReplay, of room: String) {
        guard part.replays.isUnderWay(replay.number, of: room, ObjectIdentifier(self)) else { return }
        part.replays.end(room, ObjectIdentifier(self))
        if !replay.wasMember { leave([room]) }
    }

    /// Sends a page; nil when the socket has gone, or has left the room since the replay began.
    func sendReplay(
        _ number: UInt64, _ events: [KeptEvent], to reached: RoomPosition?, isEnd: Bool, of room: String
    ) -> ReplayOutcome? {
        guard let handle, handle.connected, !isLeaving,
            part.replays.isUnderWay(number, of: room, ObjectIdentifier(self))
        else { return nil }
        var sent = 0
        part.engine.relieve()
        part.engine.holdingTick {
            for event in events {
                guard let epoch = reached?.epoch else { return }
                let content = event.content
                if !content.except.isEmpty {
                    let rooms = handle.rooms
                    if content.except.contains(where: { rooms.contains($0) }) { continue }
                }
                send(content, at: RoomPosition(epoch: epoch, number: event.number))
                sent += 1
            }
        }
        let isOver = isEnd && part.replays.reached(reached, room, ObjectIdentifier(self))
        return ReplayOutcome(sent: sent, isOver: isOver)
    }

    private func send(_ content: EventToKeep, at position: RoomPosition) {
        var data = content.data(at: position)
        if let hooks, !hooks.outgoing.isEmpty {
            notifyOutgoing(BroadcastPacket(namespace: part.name, event: content.event, data: data))
        }
        var flags = EmitFlags()
        flags.compress = content.compress
        flags.roomPosition = position
        if let log = part.log, !client.session.isRevision3 { return sendInOrder(data, flags, log) }
        var message = data.takeEvent(nsp: part.name, id: nil, compress: content.compress)
        message.origin = part.number
        client.send(message)
    }
}
