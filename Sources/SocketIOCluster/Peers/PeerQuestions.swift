// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// The questions that nodes of this kind ask each other on their own channel. The answers are short, where Node.js
/// servers would transfer whole handshakes.
///
/// Lives on the cluster's event loop.
final class PeerQuestions {
    typealias Done = (Result<[PeerMessage], any Error>) -> Void

    /// The questions that can be asked.
    enum Subject: String, CaseIterable, Sendable {
        /// How many sockets are selected.
        case count
        /// How many sockets are in each room.
        case rooms
    }

    /// Asks for a session whose socket counts as connected. The answer means that its record can be taken.
    package static let release = "release"

    private let nodeID: String
    private let services: ClusterServices
    private let channel: any ClusterChannel
    private var table = ClusterRequestTable<PeerMessage, Done>()

    private var configuration: ClusterConfiguration { services.configuration }

    init(nodeID: String, services: ClusterServices, channel: any ClusterChannel) {
        self.nodeID = nodeID
        self.services = services
        self.channel = channel
    }

    /// Whether this node waits for answers.
    var isWaiting: Bool { table.count > 0 }

    /// Asks these peers (uid to tag); `done` is called once.
    func ask(
        _ what: Subject, namespace: String, options: BroadcastOptions, _ query: QueryOptions,
        peers: NameDictionary<String>, _ done: @escaping Done
    ) {
        let id = RandomID.make()
        if let outcome = table.begin(id, nodes: peers.count, peers: peers, context: done) {
            return outcome.context(.success(outcome.answers))
        }
        var question = PeerMessage(.ask, node: nodeID)
        question.id = id
        question.nsp = namespace
        question.what = what.rawValue
        question.opts = WireOptions(options)
        let sent = ClusterCallback<Void>(on: services.eventLoop) { result in
            if case .failure(let error) = result { self.fail(id, error) }
        }
        do {
            try channel.publish(question, to: nil, configuration, sent)
        } catch {
            return fail(id, error)
        }
        let timeout = query.timeout(else: configuration.requestsTimeout)
        services.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) { self.timedOut(id, what, query) }
    }

    private func fail(_ id: String, _ error: any Error) {
        table.timedOut(id)?.context(.failure(error))
    }

    private func timedOut(_ id: String, _ what: Subject, _ query: QueryOptions) {
        guard let outcome = table.timedOut(id) else { return }
        services.counters.requestTimeouts.increment()
        guard configuration.refusesPartialResults(of: query) else { return outcome.context(.success(outcome.answers)) }
        var error = ClusterError(.timeout, "timeout reached while waiting for \(what) response")
        error.missing = outcome.missing
        outcome.context(.failure(error))
    }

    /// Answers a question of a peer. `member` is this node's adapter of the namespace, if it has one; `takesParts` says
    /// whether the peer understands answers in parts and the report that there is no answer.
    func answer(_ question: PeerMessage, member: PeerHeartbeat.Member?, takesParts: Bool) {
        guard let id = question.id, let member else { return }
        if let what = question.what, what.hasSameBytes(as: Self.release) {
            if let pid = question.pid, PacketWireFormat.isID(pid) { member.local.releaseSession(pid) }
            return
        }
        // A newer node may ask a question that this version does not know. It gets no answer.
        guard let what = question.what.flatMap({ Subject(bytesOf: $0) }) else { return }
        let options = question.opts?.options ?? BroadcastOptions()
        var reply = PeerMessage(.answer, node: nodeID)
        reply.id = id
        reply.nsp = question.nsp
        let answer = PeerAnswer(
            reply: reply, asking: question.node, takesParts: takesParts, services: services, channel: channel)
        let (local, gate) = (member.local, member.answers)
        Task { await answer.give(what, options, of: local, gate: gate) }
    }

    /// A peer's adapter has answered.
    func answered(_ answer: PeerMessage, by uid: String?) {
        guard let id = answer.id, let uid else { return services.counters.unexpected.increment() }
        switch event(id, uid, answer) {
        case .completed(let outcome): finish(outcome)
        case .pending: break
        case .duplicate, .unknown: services.counters.unexpected.increment()
        }
    }

    private func event(
        _ id: String, _ uid: String, _ answer: PeerMessage
    ) -> ClusterRequestTable<PeerMessage, Done>.Event {
        guard let part = answer.part else { return table.answered(id, by: uid, answer) }
        return answer.more == true
            ? table.received(part: part, of: id, by: uid, answer)
            : table.answered(id, by: uid, answer, lastPart: part)
    }

    private func finish(_ outcome: ClusterRequestTable<PeerMessage, Done>.Outcome) {
        if let text = outcome.answers.lazy.compactMap(\.error).first, configuration.onRequestTimeout == .fail {
            return outcome.context(.failure(ClusterError.refused(by: text)))
        }
        outcome.context(.success(outcome.answers))
    }

    /// A peer's adapter has gone: its answers are no longer waited for.
    func lost(peer uid: String) {
        for outcome in table.lost(peer: uid) { finish(outcome) }
    }

    func close() {
        for outcome in table.removeAll() { outcome.context(.failure(ClusterError.closed)) }
    }
}
