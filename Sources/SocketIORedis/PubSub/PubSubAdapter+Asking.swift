// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import NIOCore
public import SocketIOCore
public import SocketIOServer

/// Questions to the other nodes.
extension PubSubAdapter {
    // MARK: Acknowledged broadcasts

    /// Delivers the event here, publishes it, and passes on what others report.
    public func broadcastWithAck(
        _ packet: BroadcastPacket, options: BroadcastOptions, receiver: any BroadcastAckReceiver
    ) {
        local.broadcastWithAck(packet, options: options, receiver: receiver)
        guard !options.flags.isLocal else { return }
        let requestID = cluster.ids.request()
        let payload: ByteBuffer
        do {
            payload = try PubSubWireFormat.acknowledgedBroadcast(
                uid: uid, requestID: requestID, packet, options: options)
        } catch {
            return notSent(error)
        }
        bus.onLoop {
            let peers = self.core.directory.adapters(of: self.context.namespace)
            self.broadcasts.begin(requestID, nodes: .max, peers: peers, receiver: receiver)
            self.send(payload, to: self.channels.request, kind: .signal)
            self.bus.eventLoop.scheduleTask(in: receiver.timeout) { self.broadcasts.remove(requestID) }
        }
    }

    // MARK: Sockets and rooms

    /// Describes the sockets meant, here and elsewhere.
    ///
    /// - Throws: ``ClusterError`` when other nodes cannot be asked or do not answer in time.
    public func fetchSockets(_ options: BroadcastOptions) async throws -> [SocketDescription] {
        let here = try await local.fetchSockets(options)
        guard !options.flags.isLocal else { return here }
        let answers = try await ask(
            { ClusterRequest(uid: self.uid, requestID: $0, type: .remoteFetch, opts: options) }, what: "fetchSockets")
        return here + answers.flatMap { SocketWireFormat.sockets($0.sockets?.value ?? .null) }
    }

    /// The ids of the sockets in any of `rooms`, or of all, here and elsewhere.
    ///
    /// - Throws: As ``fetchSockets(_:)``.
    public func sockets(in rooms: NameSet) async throws -> NameSet {
        let here = try await local.sockets(in: rooms)
        let answers = try await ask(
            { ClusterRequest(uid: self.uid, requestID: $0, type: .sockets, rooms: rooms.sorted()) }, what: "sockets")
        return answers.reduce(into: here) { ids, answer in
            for id in answer.sockets?.value.array ?? [] { if let id = id.string { ids.insert(id) } }
        }
    }

    /// The names of all rooms that are not empty, here and elsewhere.
    ///
    /// - Throws: As ``fetchSockets(_:)``.
    public func allRooms() async throws -> NameSet {
        let here = local.rooms
        let answers = try await ask(
            { ClusterRequest(uid: self.uid, requestID: $0, type: .allRooms) }, what: "allRooms")
        return answers.reduce(into: here) { rooms, answer in
            for room in answer.rooms ?? [] { rooms.insert(room.name) }
        }
    }

    // MARK: Counting

    /// How many sockets are meant, here and elsewhere. Nodes of this kind exchange numbers; when there are others, the
    /// question is one they understand too.
    ///
    /// - Throws: As ``fetchSockets(_:)``.
    public func count(_ options: BroadcastOptions) async throws -> Int {
        let here = try await local.count(options)
        guard !options.flags.isLocal else { return here }
        if try await areAllPeers() {
            let answers = try await asking {
                try await core.directory.ask(.count, namespace: context.namespace, options: options)
            }
            return answers.reduce(here) { $0 + PeerMessage.count($1.count) }
        }
        if options.except.isEmpty { return try await sockets(in: NameSet(options.rooms)).count }
        return try await fetchSockets(options).count
    }

    /// How many sockets are in each room, here and elsewhere, the rooms that sockets have to themselves left out.
    ///
    /// - Throws: As ``fetchSockets(_:)``.
    public func countByRoom() async throws -> NameDictionary<Int> {
        var counts = try await local.countByRoom()
        if try await areAllPeers() {
            let answers = try await asking {
                try await core.directory.ask(.rooms, namespace: context.namespace, options: BroadcastOptions())
            }
            for answer in answers {
                for (room, count) in answer.rooms ?? [:] { counts[room, default: 0] += PeerMessage.count(count) }
            }
            return counts
        }
        let answers = try await ask(
            { ClusterRequest(uid: self.uid, requestID: $0, type: .remoteFetch, opts: BroadcastOptions()) },
            what: "fetchSockets")
        for socket in answers.flatMap({ SocketWireFormat.sockets($0.sockets?.value ?? .null) }) {
            for room in socket.rooms where !room.hasSameBytes(as: socket.id) { counts[room, default: 0] += 1 }
        }
        return counts
    }

    /// Whether all other nodes are of this kind.
    private func areAllPeers() async throws -> Bool {
        let others = try await serverCount() - 1
        return try await bus.eventLoop.submit {
            self.core.directory.adapters(of: self.context.namespace).count >= others
        }.get()
    }

    // MARK: Servers

    /// Sends an event to the other servers' listeners and collects their answers.
    ///
    /// - Throws: ``ClusterError`` when other nodes cannot be asked, or do not all answer in time: then it has the answers
    ///   there are.
    public func serverSideEmitWithAck(
        _ packet: BroadcastPacket, timeout: TimeAmount
    ) async throws -> [EventArguments] {
        try await serverSideEmitWithAck(packet, timeout: timeout, of: .all)
    }

    /// As ``serverSideEmitWithAck(_:timeout:)``, of all other servers or of those of this kind.
    public func serverSideEmitWithAck(
        _ packet: BroadcastPacket, timeout: TimeAmount, of servers: AskedServers
    ) async throws -> [EventArguments] {
        let data = try NodeBuffer.text(packet.data)
        let outcome = try await outcome(
            { ClusterRequest(uid: self.uid, requestID: $0, type: .serverSideEmit, data: data) },
            timeout: timeout, of: servers)
        let responses = try outcome.answers.filter { $0.error == nil }.map { try EventArguments.single($0.data) }
        if var error = refusal(outcome) {
            error.responses = responses
            throw error
        }
        guard !outcome.isComplete else { return responses }
        var error = self.error(
            outcome,
            "timeout reached: only \(responses.count) responses received out of \(outcome.expected)")
        error.responses = responses
        throw error
    }

    // MARK: Asking

    /// Asks all other nodes. Throws or returns what there is when some do not answer in time, as configured.
    private func ask(
        _ request: @escaping @Sendable (_ id: String) -> ClusterRequest, what: String
    ) async throws -> [ClusterResponse] {
        let query = QueryOptions.current
        let outcome = try await outcome(request, timeout: query.timeout(else: configuration.requestsTimeout))
        guard configuration.refusesPartialResults(of: query) else { return outcome.answers }
        if let error = refusal(outcome) { throw error }
        guard outcome.isComplete else {
            throw error(outcome, "timeout reached while waiting for \(what) response")
        }
        return outcome.answers
    }

    /// What a node said instead of answering.
    private func refusal(_ outcome: Requests.Outcome) -> ClusterError? {
        guard let text = outcome.answers.lazy.compactMap(\.error).first else { return nil }
        return ClusterError.refused(by: text)
    }

    private func error(_ outcome: Requests.Outcome, _ message: String) -> ClusterError {
        var error = ClusterError(.timeout, message)
        error.missing = outcome.missing
        error.missingForeign = max(0, outcome.expected - outcome.answered - outcome.missing.count)
        return error
    }

    private func outcome(
        _ request: @escaping @Sendable (_ id: String) -> ClusterRequest, timeout: TimeAmount,
        of servers: AskedServers = .all
    ) async throws -> Requests.Outcome {
        try await asking { try await askedOutcome(request, timeout: timeout, of: servers) }
    }

    /// Asks, unless too many questions wait already.
    private func asking<Answer>(_ question: () async throws -> Answer) async throws -> Answer {
        do {
            try cluster.questions.enter()
        } catch {
            counters.requestsRefused.increment()
            throw error
        }
        defer { cluster.questions.leave() }
        return try await question()
    }

    private func askedOutcome(
        _ request: @escaping @Sendable (_ id: String) -> ClusterRequest, timeout: TimeAmount,
        of servers: AskedServers
    ) async throws -> Requests.Outcome {
        var others: Int?
        if servers == .all { others = try await serverCount() - 1 } else { try bus.requireAvailable() }
        let expected = others
        let id = cluster.ids.request()
        let payload = try request(id).text
        let outcome: Result<Requests.Outcome, any Error> = await withCheckedContinuation { continuation in
            bus.onLoop {
                self.begin(id, payload, others: expected, timeout: timeout) { continuation.resume(returning: $0) }
            }
        }
        return try outcome.get()
    }

    /// On the event loop. `done` is called once. Without a number of `others`, nobody but peers is waited for.
    private func begin(
        _ id: String, _ payload: ByteBuffer, others: Int?, timeout: TimeAmount,
        _ done: @escaping @Sendable (Result<Requests.Outcome, any Error>) -> Void
    ) {
        var peers = core.directory.adapters(of: context.namespace)
        let others = others ?? peers.count
        // More peers than subscribers: one has gone without our knowledge, so it is not known who will answer.
        if peers.count > others { peers = [:] }
        let timer = bus.eventLoop.scheduleTask(in: timeout) {
            guard let outcome = self.requests.timedOut(id) else { return }
            self.counters.requestTimeouts.increment()
            done(.success(outcome))
        }
        let kind = RequestKind {
            timer.cancel()
            done(.success($0))
        }
        if let outcome = requests.begin(id, nodes: others, peers: peers, context: kind) {
            return kind.done(outcome)
        }
        if requests.isWaitingForForeign { foreignProbe?.start() }
        send(payload, to: channels.request, kind: .signal) { result in
            guard case .failure(let error) = result, self.requests.timedOut(id) != nil else { return }
            timer.cancel()
            done(.failure(error))
        }
    }
}

extension EventArguments {
    /// One argument, or none.
    static func single(_ value: RawJSON?) throws -> EventArguments {
        guard let value else { return EventArguments(.empty, offset: 0) }
        var text = ByteBuffer()
        text.reserveCapacity(value.text.readableBytes + 2)
        text.writeInteger(UInt8(ascii: "["))
        text.writeImmutableBuffer(value.text)
        text.writeInteger(UInt8(ascii: "]"))
        return EventArguments(try PacketPayload(text: text).attaching(value.attachments), offset: 0)
    }
}
