// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// What our nodes ask each other on their own channel, compactly where Node.js servers would move whole handshakes.
///
/// Confined to the bus's event loop, hence `@unchecked Sendable`.
final class PeerQuestions: @unchecked Sendable {
    typealias Done = @Sendable (Result<[PeerMessage], any Error>) -> Void

    /// What can be asked.
    enum Subject: String {
        /// How many sockets are meant.
        case count
        /// How many sockets are in each room.
        case rooms
    }

    private let nodeID: String
    private let configuration: RedisClusterConfiguration
    private let bus: RedisBus
    private var table = ClusterRequestTable<PeerMessage, Done>()

    init(nodeID: String, configuration: RedisClusterConfiguration, bus: RedisBus) {
        self.nodeID = nodeID
        self.configuration = configuration
        self.bus = bus
    }

    /// Whether answers are waited for.
    var isWaiting: Bool { table.count > 0 }

    /// Asks these peers (uid to tag); `done` is called once.
    func ask(
        _ what: Subject, namespace: String, options: BroadcastOptions, peers: [String: String], _ done: @escaping Done
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
        do {
            bus.publish(
                try question.signal(to: "\(configuration.key)-node#") { result in
                    if case .failure(let error) = result { self.fail(id, error) }
                })
        } catch {
            return fail(id, error)
        }
        bus.eventLoop.scheduleTask(in: configuration.requestsTimeout) { self.timedOut(id, what) }
    }

    private func fail(_ id: String, _ error: any Error) {
        table.timedOut(id)?.context(.failure(error))
    }

    private func timedOut(_ id: String, _ what: Subject) {
        guard let outcome = table.timedOut(id) else { return }
        bus.counters.requestTimeouts.increment()
        if configuration.onRequestTimeout == .partial { return outcome.context(.success(outcome.answers)) }
        var error = ClusterError(.timeout, "timeout reached while waiting for \(what) response")
        error.missing = outcome.missing
        outcome.context(.failure(error))
    }

    /// A peer asks; `member` is this node's adapter of the namespace, if it has one.
    func answer(_ question: PeerMessage, member: PeerDirectory.Member?) {
        guard let id = question.id, let local = member?.local else { return }
        // Something newer nodes ask: they do not get an answer.
        guard let what = question.what.flatMap(Subject.init) else { return }
        let options = question.opts?.options ?? BroadcastOptions()
        var answer = PeerMessage(.answer, node: nodeID)
        answer.id = id
        answer.nsp = question.nsp
        let (reply, channel) = (answer, PeerMessage.channel(of: question.node, key: configuration.key))
        Task {
            var reply = reply
            switch what {
            case .count: reply.count = try await local.count(options)
            case .rooms: reply.rooms = try await local.countByRoom()
            }
            self.bus.publish(try reply.signal(to: channel))
        }
    }

    /// A peer's adapter has answered.
    func answered(_ answer: PeerMessage, by uid: String?) {
        guard let id = answer.id, let uid else { return bus.counters.unexpected.increment() }
        switch table.answered(id, by: uid, answer) {
        case .completed(let outcome): outcome.context(.success(outcome.answers))
        case .pending: break
        case .duplicate, .unknown: bus.counters.unexpected.increment()
        }
    }

    /// A peer's adapter has gone: nobody waits for it any more.
    func lost(peer uid: String) {
        for outcome in table.lost(peer: uid) { outcome.context(.success(outcome.answers)) }
    }

    func close() {
        for outcome in table.removeAll() { outcome.context(.failure(ClusterError.closed)) }
    }
}
