// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// What ``ClusterAdapter`` is on the cluster's event loop: hears the other nodes, and waits for their answers.
final class ClusterAdapterCore {
    typealias Requests = ClusterRequestTable<ClusterResponse, RequestKind>

    /// How a request ends.
    struct RequestKind: Sendable {
        let done: @Sendable (Requests.Outcome) -> Void
    }

    /// Broadcasts of one other adapter.
    struct SenderCounts {
        var received: UInt64 = 0
        /// Both counts when they were last compared.
        var baseline: (published: UInt64, received: UInt64)?
    }

    let context: AdapterContext
    let uid: String
    let channel: any ClusterChannel
    let services: ClusterServices
    let backend: any ClusterBackend
    let directory: PeerDirectoryCore
    let local: MemoryAdapter
    /// Of all adapters of the node together.
    let answers: AnswerGate
    var requests = Requests()
    var broadcasts = ClusterBroadcastTable<any BroadcastAckReceiver>()
    var senders: [ExactName: SenderCounts] = [:]
    /// Which messages of other adapters have been seen, if they number them.
    var windows = SequenceWindows()
    /// Made once, in `init`, with a reference back.
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

    /// Subscribes; `done` when this node hears the others. ``started(isOpen:)`` is to follow.
    func start(_ receiver: ClusterReceiver, _ done: @escaping (Result<Void, any Error>) -> Void) {
        receiver.settle()
        channel.subscribe(receiver, ClusterCallback(on: eventLoop, done))
    }

    /// - Parameter isOpen: Whether the adapter has not been closed meanwhile.
    func started(isOpen: Bool) {
        channel.settled(isOpen: isOpen)
        directory.heartbeat.add(member, namespace: context.namespace)
    }

    /// Unsubscribes; requests that wait fail.
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

    /// A peer has gone: nobody waits for it any more.
    private func peerLost(_ uid: String) {
        senders[ExactName(uid)] = nil
        windows.forget(uid)
        for outcome in requests.lost(peer: uid) { outcome.context.done(outcome) }
        for loss in broadcasts.lost(peer: uid) {
            if loss.isReportMissing { loss.receiver.reached(clients: 0) }
            for _ in 0..<loss.clients { loss.receiver.disconnected(socketID: "\(loss.tag)…") }
        }
    }

    /// A peer tells how many broadcasts it has published, which it does where their order is kept: all of them have arrived here
    /// before this or never will.
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

    /// Publishes an event whose acknowledgements go to the receiver.
    func begin(
        _ requestID: String, _ packet: BroadcastPacket, _ options: BroadcastOptions, receiver: any BroadcastAckReceiver
    ) {
        let peers = directory.adapters(of: context.namespace)
        broadcasts.begin(requestID, nodes: .max, peers: peers, receiver: receiver)
        do {
            try channel.publish(
                .acknowledgedBroadcast(requestID: requestID, packet, options), to: .everyone, isForPeer: false, nil)
        } catch {
            broadcasts.remove(requestID)
            return services.notSent(error, namespace: context.namespace)
        }
        eventLoop.assumeIsolated().scheduleTask(in: receiver.timeout) { self.broadcasts.remove(requestID) }
    }

    /// Asks other nodes. `done` is called once. Without a number of `others`, nobody but peers is waited for.
    func begin(
        _ id: String, _ request: ClusterRequest, others: Int?, timeout: TimeAmount,
        _ done: @escaping @Sendable (Result<Requests.Outcome, any Error>) -> Void
    ) {
        var peers = directory.adapters(of: context.namespace)
        let others = others ?? peers.count
        // More peers than subscribers: one has gone without our knowledge, so it is not known who will answer.
        if peers.count > others { peers = [:] }
        let timer = eventLoop.assumeIsolated().scheduleTask(in: timeout) {
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
