// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
internal import LoopConfinement
internal import NIOCore
public import SocketIOCore
public import SocketIOServer

/// Questions to the other nodes.
extension ClusterAdapter {
    // MARK: Acknowledged broadcasts

    /// Delivers the event to this node's sockets, publishes it, and passes on the acknowledgements that other nodes
    /// report.
    public func broadcastWithAck(
        _ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions, receiver: any AdapterSPI.AckReceiver
    ) {
        local.broadcastWithAck(packet, options: options, receiver: receiver)
        guard !options.flags.isLocal else { return }
        let requestID = cluster.ids.request()
        // Before the first answer, which arrives on the same event loop later.
        core.run { $0.begin(requestID, receiver: receiver) }
        do {
            try channel.publish(
                .acknowledgedBroadcast(requestID: requestID, packet, options), to: .everyone, isForPeer: false, nil)
        } catch {
            core.run { $0.broadcasts.remove(requestID) }
            services.notSent(error, namespace: context.namespace)
        }
    }

    // MARK: Sockets and rooms

    /// Describes the selected sockets of this node and of the others.
    ///
    /// - Throws: ``ClusterError`` when other nodes cannot be asked or do not answer in time.
    public func fetchSockets(_ options: BroadcastOptions) async throws -> [SocketDescription] {
        guard !options.flags.isLocal else { return try await local.fetchSockets(options) }
        return try await socketQueries.value(for: SocketQuery(options)) { try await askedSockets(options) }
    }

    private func askedSockets(_ options: BroadcastOptions) async throws -> [SocketDescription] {
        let here = try await local.fetchSockets(options)
        return here + (try await fetchElsewhere(options))
    }

    private func fetchElsewhere(_ options: BroadcastOptions) async throws -> [SocketDescription] {
        let answers = try await ask(
            { ClusterRequest(uid: self.uid, requestID: $0, type: .remoteFetch, opts: options) }, what: "fetchSockets")
        var sockets: [SocketDescription] = []
        for answer in answers {
            sockets += SocketWireFormat.sockets(answer.sockets?.value ?? .null)
            // Lets other tasks of this thread run.
            await Task.yield()
        }
        return sockets
    }

    /// Whether all other nodes understand questions that ask for names only.
    private func areNamesUnderstood() async throws -> Bool {
        if backend.asksForNames { return true }
        return try await areAllPeers()
    }

    /// The sockets that a `fetchSockets` selects, and how long it waits. Concurrent calls with equal values share one
    /// question, see ``socketQueries``.
    struct SocketQuery: Hashable, Sendable {
        private let rooms: [ExactName]
        private let except: [ExactName]
        private let query = QueryOptions.current

        init(_ options: BroadcastOptions) {
            rooms = options.rooms.map { ExactName($0) }
            except = options.except.map { ExactName($0) }
        }
    }

    /// The ids of the sockets in at least one of `rooms`, or of all sockets, on this node and the others.
    ///
    /// - Throws: As ``fetchSockets(_:)``.
    public func sockets(in rooms: NameSet) async throws -> NameSet {
        let here = try await local.sockets(in: rooms)
        guard try await areNamesUnderstood() else {
            let others = try await fetchElsewhere(BroadcastOptions(rooms: rooms.sorted()))
            return others.reduce(into: here) { $0.insert($1.id) }
        }
        let answers = try await ask(
            { ClusterRequest(uid: self.uid, requestID: $0, type: .sockets, rooms: rooms.sorted()) }, what: "sockets")
        return answers.reduce(into: here) { ids, answer in
            for id in answer.sockets?.value.array ?? [] { if let id = id.string { ids.insert(id) } }
        }
    }

    /// The names of all rooms that are not empty, on this node and the others.
    ///
    /// - Throws: As ``fetchSockets(_:)``.
    public func allRooms() async throws -> NameSet {
        let here = local.rooms
        guard try await areNamesUnderstood() else {
            let others = try await fetchElsewhere(BroadcastOptions())
            return others.reduce(into: here) { $0.formUnion($1.rooms) }
        }
        let answers = try await ask(
            { ClusterRequest(uid: self.uid, requestID: $0, type: .allRooms) }, what: "allRooms")
        return answers.reduce(into: here) { rooms, answer in
            for room in answer.rooms ?? [] { rooms.insert(room.name) }
        }
    }

    // MARK: Counting

    /// How many sockets the options select, on this node and the others. Nodes of this kind exchange numbers. When the cluster has
    /// servers of another kind, such as Node.js servers, all nodes send the ids or the descriptions of their sockets instead.
    ///
    /// - Throws: As ``fetchSockets(_:)``.
    public func count(_ options: BroadcastOptions) async throws -> Int {
        let here = try await local.count(options)
        guard !options.flags.isLocal else { return here }
        if try await areAllPeers() {
            let answers = try await asking {
                try await directory.ask(.count, namespace: context.namespace, options: options)
            }
            return answers.reduce(here) { $0 + PeerMessage.count($1.count) }
        }
        if options.except.isEmpty { return try await sockets(in: NameSet(options.rooms)).count }
        return try await fetchSockets(options).count
    }

    /// How many sockets are in each room, on this node and the others. Rooms that are named after sockets are left out.
    ///
    /// - Throws: As ``fetchSockets(_:)``.
    public func countByRoom() async throws -> NameDictionary<Int> {
        var counts = try await local.countByRoom()
        if try await areAllPeers() {
            let answers = try await asking {
                try await directory.ask(.rooms, namespace: context.namespace, options: BroadcastOptions())
            }
            for answer in answers {
                for (room, count) in answer.rooms ?? [:] { counts[room, default: 0] += PeerMessage.count(count) }
            }
            return counts
        }
        for socket in try await fetchElsewhere(BroadcastOptions()) {
            for room in socket.rooms where !room.hasSameBytes(as: socket.id) { counts[room, default: 0] += 1 }
        }
        return counts
    }

    /// Whether all other nodes are of this kind.
    private func areAllPeers() async throws -> Bool {
        let others = try await serverCount() - 1
        return await core.get { $0.peerCount >= others }
    }

    // MARK: Servers

    /// Sends an event to the other servers' listeners and collects their answers.
    ///
    /// - Throws: ``ClusterError`` when other nodes cannot be asked or do not all answer in time. In the latter case it
    ///   contains the answers that arrived.
    public func serverSideEmitWithAck(
        _ packet: AdapterSPI.BroadcastPacket, timeout: Duration
    ) async throws -> [EventArguments] {
        try await serverSideEmitWithAck(packet, timeout: timeout, of: .all)
    }

    /// Like ``serverSideEmitWithAck(_:timeout:)``, for all other servers or only for those of this kind.
    public func serverSideEmitWithAck(
        _ packet: AdapterSPI.BroadcastPacket, timeout: Duration, of servers: AskedServers
    ) async throws -> [EventArguments] {
        let data = RawJSON(packet.data)
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

    /// Asks all other nodes. When some do not answer in time, throws or returns the answers that arrived, as
    /// configured.
    private func ask(
        _ request: @escaping @Sendable (_ id: String) -> ClusterRequest, what: String
    ) async throws -> [ClusterResponse] {
        let query = QueryOptions.current
        let outcome = try await outcome(
            request, timeout: query.timeout(else: configuration.requestsTimeout))
        guard configuration.refusesPartialResults(of: query) else { return outcome.answers }
        if let error = refusal(outcome) { throw error }
        guard outcome.isComplete else {
            throw error(outcome, "timeout reached while waiting for \(what) response")
        }
        return outcome.answers
    }

    /// The error that a node sent instead of an answer.
    private func refusal(_ outcome: ClusterAdapterCore.Requests.Outcome) -> ClusterError? {
        guard let text = outcome.answers.lazy.compactMap(\.error).first else { return nil }
        return ClusterError.refused(by: text)
    }

    private func error(_ outcome: ClusterAdapterCore.Requests.Outcome, _ message: String) -> ClusterError {
        var error = ClusterError(.timeout, message)
        error.missing = outcome.missing
        error.missingForeign = max(0, outcome.expected - outcome.answered - outcome.missing.count)
        return error
    }

    private func outcome(
        _ request: @escaping @Sendable (_ id: String) -> ClusterRequest, timeout: Duration,
        of servers: AskedServers = .all
    ) async throws -> ClusterAdapterCore.Requests.Outcome {
        try await asking { try await askedOutcome(request, timeout: timeout, of: servers) }
    }

    /// Asks a question, unless too many questions wait for answers already.
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
        _ request: @escaping @Sendable (_ id: String) -> ClusterRequest, timeout: Duration,
        of servers: AskedServers
    ) async throws -> ClusterAdapterCore.Requests.Outcome {
        var others: Int?
        if servers == .all { others = try await serverCount() - 1 } else { try requireAvailable() }
        let expected = others
        let id = cluster.ids.request()
        let request = request(id)
        let outcome: Result<ClusterAdapterCore.Requests.Outcome, any Error> = await withCheckedContinuation {
            continuation in
            core.run {
                $0.begin(id, request, others: expected, timeout: timeout) { continuation.resume(returning: $0) }
            }
        }
        return try outcome.get()
    }
}

extension EventArguments {
    /// The arguments of an event that has one value or none.
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
