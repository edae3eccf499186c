// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HiredisNIO
package import Logging
internal import LoopConfinement
internal import NIOConcurrencyHelpers
package import NIOCore
public import SocketIOServer

/// This node's part in a cluster over Redis: makes the adapters of a server's namespaces and knows the other nodes.
///
/// ```swift
/// let cluster = try RedisCluster(url: "redis://127.0.0.1:6379")
/// var configuration = ServerConfiguration()
/// configuration.adapter = cluster.adapter
/// let io = Server(configuration: configuration)
/// ```
///
/// Connects when the server makes its first namespace and ends with the server's last. One cluster serves one server. All
/// methods may be called from any thread.
public final class RedisCluster: Sendable {
    /// Of this software, as other nodes are told it.
    package static let version = "0.1.0"

    /// Makes the transport on the event loop it will work on.
    package typealias MakeTransport = @Sendable (any EventLoop, Logger) -> sending any PubSubTransport

    private struct State {
        var parts: ClusterParts?
        /// The directory of a cluster that is closed: until the server has ended it has to know where others are.
        var lastDirectory: PeerDirectory?
        var adapters = 0
        var isClosed = false
        var onStatus: [@Sendable (ClusterStatus) -> Void] = []
        var onConnected: [@Sendable (String?) -> Void] = []
    }

    /// What the cluster was made with.
    public let configuration: RedisClusterConfiguration
    /// Makes ids, tests their own.
    let ids: ClusterIDs
    /// Of all adapters together.
    let questions: QuestionGate
    let answers: AnswerGate
    private let makeTransport: MakeTransport
    private let counters = ClusterCounters()
    private let state = NIOLockedValueBox(State())

    package init(
        configuration: RedisClusterConfiguration = RedisClusterConfiguration(), ids: ClusterIDs = ClusterIDs(),
        transport: @escaping MakeTransport
    ) throws {
        try configuration.validate()
        self.ids = ids
        self.questions = QuestionGate(limit: configuration.maxPendingRequests)
        self.answers = AnswerGate(patience: configuration.requestsTimeout)
        self.configuration = configuration
        self.makeTransport = transport
    }

    /// Makes the adapter of a namespace: for ``ServerConfiguration/adapter``.
    @Sendable
    public func adapter(_ context: AdapterContext) -> any Adapter {
        let parts = parts(context)
        return PubSubAdapter(context: context, cluster: self, bus: parts.bus, directory: parts.directory)
    }

    // MARK: Looking

    /// Whether this node and the others can hear each other.
    public var status: ClusterStatus {
        state.withLockedValue { $0.isClosed ? .closed : nil } ?? current?.bus.status ?? .connecting
    }

    /// Tells of changes of ``status``, on an event loop.
    public func onStatus(_ observer: @escaping @Sendable (ClusterStatus) -> Void) {
        state.withLockedValue { $0.onStatus.append(observer) }
    }

    /// What has happened to messages between nodes so far.
    public var statistics: ClusterStatistics { counters.statistics }

    /// The other nodes of this kind.
    public var nodes: [ClusterNode] { current?.directory.nodes ?? [] }

    /// Whether the other nodes are told that this one is about to end. Set it when clients are being sent away.
    public var isDraining: Bool {
        get { current?.directory.isDraining ?? false }
        set { current?.directory.isDraining = newValue }
    }

    /// Waits until messages flow both ways, for servers that should not start without Redis.
    ///
    /// - Throws: ``ClusterError`` with code `unavailable` when that takes longer than `limit`; `CancellationError`.
    public func waitUntilUp(within limit: Duration) async throws {
        let deadline = ContinuousClock.now + limit
        while status != .up {
            let status = status
            guard ContinuousClock.now < deadline, status != .closed else {
                throw ClusterError.unavailable(status.description)
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    // MARK: Closing

    /// Says goodbye to the other nodes and disconnects from Redis. Happens by itself when the server closes.
    public func close() async {
        let parts = state.withLockedValue { state in
            state.isClosed = true
            defer { state.parts = nil }
            state.lastDirectory = state.parts?.directory ?? state.lastDirectory
            return state.parts
        }
        guard let parts else { return }
        await parts.directory.stop()
        await parts.bus.close()
    }

    // MARK: For the adapters

    var current: ClusterParts? { state.withLockedValue { $0.parts } }

    /// Knows the other nodes; after ``close()`` those that there were then.
    var directory: PeerDirectory? { state.withLockedValue { $0.parts?.directory ?? $0.lastDirectory } }

    private func parts(_ context: AdapterContext) -> ClusterParts {
        let (parts, isNew) = state.withLockedValue { state in
            if let parts = state.parts { return (parts, false) }
            let bus = RedisBus(
                transport: makeTransport(context.eventLoop, context.logger), policy: configuration.outage,
                counters: counters, logger: context.logger, maximumMessageBytes: configuration.maxMessageBytes)
            let directory = PeerDirectory(tag: context.nodeTag, configuration: configuration, bus: bus)
            let parts = ClusterParts(bus: bus, directory: directory)
            state.parts = parts
            return (parts, true)
        }
        if isNew { start(parts, context.logger) }
        return parts
    }

    private func start(_ parts: ClusterParts, _ logger: Logger) {
        parts.directory.core.run { directory in
            let bus = directory.bus
            bus.makeEcho = { [weak directory] in directory?.echo($0) }
            bus.onStatus = { [weak self, weak directory, weak bus] status in
                if status == .up {
                    directory?.linkRestored()
                    if let bus { self?.tellConnected(bus) }
                }
                for observer in self?.state.withLockedValue({ $0.onStatus }) ?? [] { observer(status) }
            }
            bus.start()
        }
        let directory = parts.directory
        Task {
            do {
                try await directory.start()
            } catch {
                logger.error("The cluster's peers cannot be heard", metadata: ["error": "\(error)"])
            }
        }
    }

    /// On the event loop.
    private func tellConnected(_ bus: RedisBusCore) {
        for callback in state.withLockedValue({ $0.onConnected }) { callback(bus.localAddress) }
    }

    /// See ``ForwardingDirectory/whenConnected(_:)``, with this cluster as the directory.
    func onConnected(_ callback: @escaping @Sendable (String?) -> Void) {
        state.withLockedValue { $0.onConnected.append(callback) }
        guard let bus = current?.bus else { return }
        bus.core.run { if $0.board.status == .up { callback($0.localAddress) } }
    }

    /// An adapter has been started.
    func retained() { state.withLockedValue { $0.adapters += 1 } }

    /// An adapter that was started has closed; with the last one everything ends.
    func released() async {
        let isLast = state.withLockedValue { state in
            state.adapters -= 1
            return state.adapters == 0
        }
        if isLast { await close() }
    }
}

/// Names adapters and requests; random, so that no two are the same.
package struct ClusterIDs: Sendable {
    /// The uid of the adapter of a namespace.
    package var adapter: @Sendable (_ namespace: String) -> String = { _ in Self.random(8) }
    package var request: @Sendable () -> String = { Self.random(10) }

    package init() {}

    private static func random(_ length: Int) -> String {
        var rng = SystemRandomNumberGenerator()
        return RandomID.make(length: length, using: &rng)
    }
}

/// What all adapters of a node share.
struct ClusterParts: Sendable {
    let bus: RedisBus
    let directory: PeerDirectory
}
