// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// The part of ``ClusterAdapter`` that lives on the cluster's event loop: it receives the other nodes' messages and
/// waits for their answers.
final class ClusterAdapterCore {
    typealias Requests = ClusterRequestTable<ClusterResponse, RequestKind>

    /// The callbacks of a request.
    struct RequestKind: Sendable {
        let done: @Sendable (Requests.Outcome) -> Void
    }

    /// Counts of the broadcasts of one other adapter.
    struct SenderCounts {
        var received: UInt64 = 0
        /// Both counts at the time of the last comparison.
        var baseline: (published: UInt64, received: UInt64)?
    }

    let context: AdapterContext
    let uid: String
    let channel: any ClusterChannel
    let services: ClusterServices
    let backend: any ClusterBackend
    let directory: PeerDirectoryCore
    let local: MemoryAdapter
    /// Shared by all adapters of the node.
    let answers: AnswerGate
    var requests = Requests()
    var broadcasts = ClusterBroadcastTable<any BroadcastAckReceiver>()
    var senders: [ExactName: SenderCounts] = [:]
    /// The numbers of other adapters' messages that have been seen, for adapters that number them.
    var windows = SequenceWindows()
    /// Made once, in `init`, because it refers back to this object.
    private var foreignProbe: ForeignProbe?

    var configuration: ClusterConfiguration { services.configuration }
    var counters: ClusterCounters { services.counters }
    var eventLoop: any EventLoop { services.eventLoop }

    init(
        context: AdapterContext, uid: String, channel: any ClusterChannel, directory: PeerDirectoryCore,
        answers: AnswerGate
    ) {
        self.context = context
        self.uid = uid
        self.channel = channel
        self.answers = answers
        self.directory = directory
        services = directory.services
        backend = directory.backend
        local = context.local
        foreignProbe = ForeignProbe(
            backend: directory.backend, namespace: context.namespace,
            peers: { [directory, namespace = context.namespace] in directory.nodeIDs(of: namespace) },
            isNeeded: { [weak self] in self?.requests.isWaitingForForeign ?? false },
            counted: { [weak self] count in
                guard let self else { return }
                for outcome in self.requests.left(foreign: count.foreign, nodes: count.nodes) {
                    outcome.context.done(outcome)
                }
            })
    }

    // MARK: Life

    /// Subscribes; calls `done` when this node receives the others' messages. The caller then calls
    /// ``started(isOpen:)``.
    func start(_ receiver: ClusterReceiver, _ done: @escaping (Result<Void, any Error>) -> Void) {
        receiver.settle()
        channel.subscribe(receiver, ClusterCallback(on: eventLoop, done))
    }

    /// - Parameter isOpen: Whether the adapter is still open.
    func started(isOpen: Bool) {
        channel.settled(isOpen: isOpen)
        directory.heartbeat.add(member, namespace: context.namespace)
    }

    /// Unsubscribes. Requests that still wait fail.
    func close(_ receiver: ClusterReceiver) {
        directory.heartbeat.remove(namespace: context.namespace, uid: uid)
        channel.unsubscribe(receiver)
        for outcome in requests.removeAll() { outcome.context.done(outcome) }
        broadcasts.removeAll()
    }

    // MARK: Peers

    private var member: PeerHeartbeat.Member {
        PeerHeartbeat.Member(
            uid: uid, local: local, answers: answers, rates: context.rates,
            published: { [channel] in channel.broadcasts },
            peerLost: { [weak self] in self?.peerLost($0) },
            isWaiting: { [weak self] in self.map { $0.requests.count > 0 || $0.broadcasts.count > 0 } ?? false },
            peerPublished: { [weak self] in self?.compare(sender: $0, published: $1) })
    }

    /// A peer has gone: its answers are no longer waited for.
    private func peerLost(_ uid: String) {
        senders[ExactName(uid)] = nil
        windows.forget(uid)
        for outcome in requests.lost(peer: uid) { outcome.context.done(outcome) }
        for loss in broadcasts.lost(peer: uid) {
            if loss.isReportMissing { loss.receiver.reached(clients: 0) }
            for _ in 0..<loss.clients { loss.receiver.disconnected(socketID: "\(loss.tag)…") }
        }
    }

    /// Compares the number of broadcasts that a peer says it has published with the number received. Peers only send it
    /// where their order is kept, so a broadcast that has not arrived before this message never will.
    private func compare(sender uid: String, published: UInt64) {
        var counts = senders[ExactName(uid), default: SenderCounts()]
        if let baseline = counts.baseline, published >= baseline.published {
            let (sent, arrived) = (published - baseline.published, counts.received - baseline.received)
            if sent > arrived { counters.missed.increment(by: Int(min(sent - arrived, 1 << 32))) }
        }
        counts.baseline = (published, counts.received)
        senders[ExactName(uid)] = counts
    }

    // MARK: Asking

    /// How many other nodes of this kind have this namespace.
    var peerCount: Int { directory.adapters(of: context.namespace).count }

    /// Passes the acknowledgements of an event that is about to be published to the receiver.
    func begin(_ requestID: String, receiver: any BroadcastAckReceiver) {
        let peers = directory.adapters(of: context.namespace)
        broadcasts.begin(requestID, nodes: .max, peers: peers, receiver: receiver)
        eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(receiver.timeout)) { self.broadcasts.remove(requestID) }
    }

    /// Asks other nodes and calls `done` once. Without a number of `others`, only the answers of peers are waited for.
    func begin(
        _ id: String, _ request: ClusterRequest, others: Int?, timeout: Duration,
        _ done: @escaping @Sendable (Result<Requests.Outcome, any Error>) -> Void
    ) {
        var peers = directory.adapters(of: context.namespace)
        let others = others ?? peers.count
        // There are more peers than subscribers, so one has gone unnoticed, and it is not known which servers will
        // answer.
        if peers.count > others { peers = [:] }
        let timer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) {
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
        let sent = ClusterCallback<Void>(on: eventLoop) { result in
            guard case .failure(let error) = result, self.requests.timedOut(id) != nil else { return }
            timer.cancel()
            done(.failure(error))
        }
        do {
            try channel.publish(.request(request), to: .everyone, isForPeer: false, sent)
        } catch {
            sent.fail(error)
        }
    }
}
