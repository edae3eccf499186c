// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import SocketIOCluster

/// Joins servers of one process, without Redis or a network, and with whatever faults a test wants.
///
/// ```swift
/// let network = LoopbackNetwork()
/// for _ in 0..<2 {
///     let cluster = try Cluster(transport: network.transport())
///     var configuration = ServerConfiguration()
///     configuration.adapter = cluster.adapter
///     servers.append(Server(configuration: configuration))
/// }
/// network.faults.loss = 0.1
/// ```
///
/// May be used from any thread.
public final class LoopbackNetwork: Sendable {
    /// What goes wrong with messages on their way. Every recipient is dealt with by itself. Default: nothing goes wrong.
    public struct Faults: Sendable, Hashable {
        /// How long every message takes.
        public var delay = Duration.zero
        /// How much longer it may take, at random: messages overtake each other.
        public var jitter = Duration.zero
        /// The probability that it is lost, 0 to 1.
        public var loss = 0.0
        /// The probability that it comes twice, 0 to 1.
        public var duplication = 0.0
        /// The probability that it comes after the one that follows it, 0 to 1; after 20 ms when none does.
        public var reordering = 0.0
        /// Servers that are counted and never answer.
        public var silentServers = 0

        /// Nothing goes wrong.
        public init() {}
    }

    struct Subscription: Sendable {
        let transport: LoopbackTransport
        let receiver: ClusterReceiver
    }

    private struct State {
        var faults = Faults()
        var random: UInt64
        var subscriptions: NameDictionary<[Subscription]> = [:]
        /// Messages held back until another one comes to the same recipient.
        var heldBack: [ObjectIdentifier: [ByteBuffer]] = [:]
    }

    private let state: NIOLockedValueBox<State>
    /// Keeps the time of delayed messages.
    private let eventLoop = MultiThreadedEventLoopGroup.singleton.next()

    /// - Parameter seed: Faults happen at random; the same seed gives the same sequence of chances.
    public init(seed: UInt64 = 1) { state = NIOLockedValueBox(State(random: seed)) }

    /// What goes wrong from now on.
    public var faults: Faults {
        get { state.withLockedValue { $0.faults } }
        set { state.withLockedValue { $0.faults = newValue } }
    }

    /// A way into the network, for one ``Cluster``.
    public func transport() -> LoopbackTransport { LoopbackTransport(self) }

    // MARK: For transports

    func add(_ receiver: ClusterReceiver, of transport: LoopbackTransport) {
        let subscription = Subscription(transport: transport, receiver: receiver)
        state.withLockedValue { $0.subscriptions[receiver.namespace, default: []].append(subscription) }
    }

    func remove(_ receiver: ClusterReceiver) {
        state.withLockedValue { state in
            state.subscriptions[receiver.namespace]?.removeAll { $0.receiver === receiver }
            state.heldBack[ObjectIdentifier(receiver)] = nil
        }
    }

    func remove(_ transport: LoopbackTransport) {
        state.withLockedValue { state in
            for name in state.subscriptions.keys { state.subscriptions[name]?.removeAll { $0.transport === transport } }
        }
    }

    func count(in namespace: String) -> Int {
        state.withLockedValue { ($0.subscriptions[namespace]?.count ?? 0) + $0.faults.silentServers }
    }

    /// Brings a message to those it is for, dead ones included: they do not take it.
    func send(_ message: ByteBuffer, in namespace: String, to destination: ClusterDestination) {
        let (recipients, faults) = state.withLockedValue { ($0.subscriptions[namespace] ?? [], $0.faults) }
        for recipient in recipients where recipient.isMeant(by: destination) {
            let take: @Sendable (ByteBuffer) -> Void = {
                recipient.transport.take($0, for: recipient.receiver)
            }
            if faults.isOnlyAboutCounting {
                take(message)
            } else {
                send(message, to: recipient.receiver, faults, take)
            }
        }
    }

    private func send(
        _ message: ByteBuffer, to receiver: ClusterReceiver, _ faults: Faults,
        _ take: @escaping @Sendable (ByteBuffer) -> Void
    ) {
        guard !happens(faults.loss) else { return }
        let id = ObjectIdentifier(receiver)
        if happens(faults.reordering) {
            state.withLockedValue { $0.heldBack[id, default: []].append(message) }
            eventLoop.scheduleTask(in: .milliseconds(20)) { self.release(id).forEach(take) }
            return
        }
        for _ in 0..<(happens(faults.duplication) ? 2 : 1) {
            let delay =
                TimeAmount(faults.delay) + .nanoseconds(chance(of: TimeAmount(faults.jitter).nanoseconds))
            if delay > .zero {
                eventLoop.scheduleTask(in: delay) { take(message) }
            } else {
                take(message)
            }
        }
        release(id).forEach(take)
    }

    private func release(_ receiver: ObjectIdentifier) -> [ByteBuffer] {
        state.withLockedValue { $0.heldBack.removeValue(forKey: receiver) ?? [] }
    }

    private func happens(_ probability: Double) -> Bool {
        probability > 0 && Double(next() >> 11) / Double(1 << 53) < probability
    }

    private func chance(of limit: Int64) -> Int64 { limit > 0 ? Int64(next() % UInt64(limit)) : 0 }

    /// SplitMix64.
    private func next() -> UInt64 {
        state.withLockedValue { state in
            state.random &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state.random
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}

extension LoopbackNetwork.Faults {
    fileprivate var isOnlyAboutCounting: Bool {
        var faults = self
        faults.silentServers = 0
        return faults == LoopbackNetwork.Faults()
    }
}

extension LoopbackNetwork.Subscription {
    fileprivate func isMeant(by destination: ClusterDestination) -> Bool {
        switch destination {
        case .everyone: true
        case .room(let room): receiver.hasRoom(room)
        case .server(let uid): receiver.uid.hasSameBytes(as: uid)
        }
    }
}
