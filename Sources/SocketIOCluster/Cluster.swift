// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
public import EngineIOServer
internal import FailureText
internal import Logging
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
public import SocketIOServer

/// Connects a server with the other servers of a cluster: it makes the adapters of the namespaces and knows the other servers.
///
/// ```swift
/// let cluster = try Cluster(transport: MyTransport())
/// var configuration = ServerConfiguration()
/// configuration.adapter = cluster.adapter
/// let io = Server(configuration: configuration)
/// ```
///
/// The cluster connects when the server makes its first namespace, and ends when the last adapter that was started is closed. One
/// cluster serves one server. All methods may be called from any thread.
public final class Cluster: Sendable {
    /// The version of this software that heartbeats tell other servers.
    package static let version = "0.1.0"

    /// Makes the back end, once.
    package typealias MakeBackend = @Sendable (ClusterServices) -> any ClusterBackend

    private struct State {
        var parts: ClusterParts?
        /// The directory of a closed cluster: until the server has ended, it still needs to know where other servers
        /// are.
        var lastDirectory: PeerDirectory?
        var adapters = 0
        var isClosed = false
        var onStatus: [@Sendable (ClusterStatus) -> Void] = []
        var onConnected: [@Sendable (String?) -> Void] = []
    }

    /// The configuration that the cluster was made with.
    public let configuration: ClusterConfiguration
    /// Makes ids; tests replace it.
    let ids: ClusterIDs
    /// Shared by all adapters.
    package let questions: QuestionGate
    package let answers: AnswerGate
    private let makeBackend: MakeBackend
    private let counters = ClusterCounters()
    private let state = NIOLockedValueBox(State())

    package init(
        configuration: ClusterConfiguration = ClusterConfiguration(), ids: ClusterIDs = ClusterIDs(),
        backend: @escaping MakeBackend
    ) throws {
        try configuration.validate()
        self.ids = ids
        self.questions = QuestionGate(limit: configuration.maxPendingRequests)
        self.answers = AnswerGate(patience: TimeAmount(configuration.requestsTimeout))
        self.configuration = configuration
        self.makeBackend = backend
    }

    /// Makes a cluster over a transport.
    ///
    /// - Parameters:
    ///   - transport: The transport. No other cluster may use it, and the cluster has it connect.
    ///   - format: How this server writes its messages (protocol 5.6); default MessagePack. It understands the messages of other servers
    ///     in both formats.
    /// - Throws: ``ClusterError`` with code `configuration`, as ``ClusterConfiguration/validate()``.
    public convenience init(
        transport: any ClusterTransport, configuration: ClusterConfiguration = ClusterConfiguration(),
        format: ClusterWireFormat = .messagePack
    ) throws {
        try self.init(configuration: configuration) { services in
            TransportBackend(transport, format: format, services: services)
        }
    }

    /// Makes the adapter of a namespace; assign it to ``ServerConfiguration/adapter``.
    @Sendable
    public func adapter(_ context: AdapterSPI.Context) -> any Adapter {
        ClusterAdapter(context: context, cluster: self, parts: parts(context))
    }

    // MARK: Looking

    /// Whether this server and the others receive each other's messages.
    public var status: ClusterStatus {
        state.withLockedValue { $0.isClosed ? .closed : nil } ?? current?.backend.status ?? .connecting
    }

    /// Calls `observer` on an event loop, which it must not block, with every change of ``status``. Observers cannot be removed.
    public func onStatus(_ observer: @escaping @Sendable (ClusterStatus) -> Void) {
        state.withLockedValue { $0.onStatus.append(observer) }
    }

    /// What has happened to messages between servers since the start of this one.
    public var statistics: ClusterStatistics { counters.statistics }

    /// The other servers of this kind, by their last heartbeats. Empty before the server has made its first namespace.
    public var nodes: [ClusterNode] { current?.directory.nodes ?? [] }

    /// Whether heartbeats tell the other servers that this one is about to end. Set it when the server starts to send its clients
    /// away. Setting it before the server has made its first namespace has no effect.
    public var isDraining: Bool {
        get { current?.directory.isDraining ?? false }
        set { current?.directory.isDraining = newValue }
    }

    /// Waits until ``status`` is `up`. Call it before the server listens if it should not accept clients before that. It does not wait
    /// until there are other servers.
    ///
    /// - Throws: ``ClusterError`` with code `unavailable` when that takes longer than `limit`, or when the cluster has been closed;
    ///   `CancellationError`.
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

    /// Tells the other servers that this one ends, and disconnects. Happens by itself when the server closes; further calls do nothing.
    public func close() async {
        let parts = state.withLockedValue { state in
            state.isClosed = true
            defer { state.parts = nil }
            state.lastDirectory = state.parts?.directory ?? state.lastDirectory
            return state.parts
        }
        guard let parts else { return }
        await parts.directory.stop()
        await parts.backend.close()
    }

    // MARK: For the adapters

    package var backend: (any ClusterBackend)? { current?.backend }

    var current: ClusterParts? { state.withLockedValue { $0.parts } }

    /// The directory of the other servers; after ``close()`` it has those that were known then.
    var directory: PeerDirectory? { state.withLockedValue { $0.parts?.directory ?? $0.lastDirectory } }

    private func parts(_ context: AdapterContext) -> ClusterParts {
        let (parts, isNew) = state.withLockedValue { state in
            if let parts = state.parts { return (parts, false) }
            let services = ClusterServices(
                configuration: configuration, counters: counters, logger: context.logger, eventLoop: context.eventLoop)
            let backend = makeBackend(services)
            let directory = PeerDirectory(tag: context.nodeTag, services: services, backend: backend)
            let parts = ClusterParts(services: services, backend: backend, directory: directory)
            state.parts = parts
            return (parts, true)
        }
        if isNew { start(parts) }
        return parts
    }

    private func start(_ parts: ClusterParts) {
        let (directory, backend) = (parts.directory, parts.backend)
        backend.start { [weak self, weak directory, weak backend] status in
            directory?.core.run { [weak self, weak backend] core in
                if status == .up {
                    core.linkRestored()
                    if let backend { self?.tellConnected(backend) }
                }
                for observer in self?.state.withLockedValue({ $0.onStatus }) ?? [] { observer(status) }
            }
        }
        let logger = parts.services.logger
        Task {
            do {
                try await directory.start()
            } catch {
                logger.error("The cluster's peers cannot be heard", metadata: ["error": "\(failureText(error))"])
            }
        }
    }

    /// Runs the callbacks of ``whenConnected(_:)``. On the event loop.
    private func tellConnected(_ backend: any ClusterBackend) {
        let address = backend.localAddress
        for callback in state.withLockedValue({ $0.onConnected }) { callback(address) }
    }

    /// An adapter has been started.
    func retained() { state.withLockedValue { $0.adapters += 1 } }

    /// An adapter that was started has closed. With the last one the cluster ends.
    func released() async {
        let isLast = state.withLockedValue { state in
            state.adapters -= 1
            return state.adapters == 0
        }
        if isLast { await close() }
    }
}

/// Tells servers where to forward requests that belong to another server:
///
/// ```swift
/// configuration.adapter = cluster.adapter
/// configuration.engine.forwarding = ForwardingConfiguration(directory: cluster)
/// ```
///
/// Addresses, and the keys of servers that have no common secret, travel with the heartbeats. Without
/// ``ClusterConfiguration/secret``, anyone who can publish to the servers can redirect requests of clients to an address of
/// their choice.
extension Cluster: ForwardingDirectory {
    /// The server whose session ids begin with this tag; the newest one when there are several.
    public func owner(ofTag tag: String) -> ForwardingNode? { directory?.owner(ofTag: tag) }

    /// Tells the others this server's address at once, and with every heartbeat.
    public func announce(_ node: ForwardingNode?) { current?.directory.announce(node) }

    /// Registers a callback that runs each time messages flow to and from the others again.
    public func whenConnected(_ callback: @escaping @Sendable (_ localAddress: String?) -> Void) {
        state.withLockedValue { $0.onConnected.append(callback) }
        guard let parts = current else { return }
        let backend = parts.backend
        parts.directory.core.run { _ in if backend.status == .up { callback(backend.localAddress) } }
    }
}

/// Makes the names of adapters and requests. They are random, so that no two are the same.
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

/// The objects that all adapters of a server share.
struct ClusterParts: Sendable {
    let services: ClusterServices
    let backend: any ClusterBackend
    let directory: PeerDirectory
}
