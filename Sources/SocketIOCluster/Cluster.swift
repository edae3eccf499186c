// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
public import EngineIOServer
internal import Logging
internal import LoopConfinement
internal import NIOConcurrencyHelpers
internal import NIOCore
public import SocketIOServer

/// A server's part in a cluster: makes the adapters of its namespaces and knows the other servers.
///
/// ```swift
/// let cluster = try Cluster(transport: MyTransport())
/// var configuration = ServerConfiguration()
/// configuration.adapter = cluster.adapter
/// let io = Server(configuration: configuration)
/// ```
///
/// Connects when the server makes its first namespace and ends with the server's last. One cluster serves one server. All
/// methods may be called from any thread.
public final class Cluster: Sendable {
    /// Of this software, as other servers are told it.
    package static let version = "0.1.0"

    /// Makes the way to the others, once.
    package typealias MakeBackend = @Sendable (ClusterServices) -> any ClusterBackend

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
    public let configuration: ClusterConfiguration
    /// Makes ids, tests their own.
    let ids: ClusterIDs
    /// Of all adapters together.
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

    /// A cluster over a transport.
    ///
    /// - Parameters:
    ///   - transport: Serves this cluster alone. Nothing is connected yet.
    ///   - format: How messages are written; those of others are understood in either.
    /// - Throws: ``ClusterError`` with code `configuration`.
    public convenience init(
        transport: any ClusterTransport, configuration: ClusterConfiguration = ClusterConfiguration(),
        format: ClusterWireFormat = .messagePack
    ) throws {
        try self.init(configuration: configuration) { services in
            TransportBackend(transport, format: format, services: services)
        }
    }

    /// Makes the adapter of a namespace: for ``ServerConfiguration/adapter``.
    @Sendable
    public func adapter(_ context: AdapterSPI.Context) -> any Adapter {
        ClusterAdapter(context: context, cluster: self, parts: parts(context))
    }

    // MARK: Looking

    /// Whether this server and the others can hear each other.
    public var status: ClusterStatus {
        state.withLockedValue { $0.isClosed ? .closed : nil } ?? current?.backend.status ?? .connecting
    }

    /// Tells of changes of ``status``, on an event loop.
    public func onStatus(_ observer: @escaping @Sendable (ClusterStatus) -> Void) {
        state.withLockedValue { $0.onStatus.append(observer) }
    }

    /// What has happened to messages between servers so far.
    public var statistics: ClusterStatistics { counters.statistics }

    /// The other servers of this kind.
    public var nodes: [ClusterNode] { current?.directory.nodes ?? [] }

    /// Whether the other servers are told that this one is about to end. Set it when clients are being sent away.
    public var isDraining: Bool {
        get { current?.directory.isDraining ?? false }
        set { current?.directory.isDraining = newValue }
    }

    /// Waits until messages flow both ways, for servers that should not start alone.
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

    /// Says goodbye to the other servers and disconnects. Happens by itself when the server closes.
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

    var current: ClusterParts? { state.withLockedValue { $0.parts } }

    /// Knows the other servers; after ``close()`` those that there were then.
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
                logger.error("The cluster's peers cannot be heard", metadata: ["error": "\(error)"])
            }
        }
    }

    /// On the event loop.
    private func tellConnected(_ backend: any ClusterBackend) {
        let address = backend.localAddress
        for callback in state.withLockedValue({ $0.onConnected }) { callback(address) }
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

/// Tells servers where to send each other requests that reached the wrong one:
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
    /// The server whose session ids begin like this; the newest, when there are several.
    public func owner(ofTag tag: String) -> ForwardingNode? { directory?.owner(ofTag: tag) }

    /// Tells the others at once, and with every heartbeat.
    public func announce(_ node: ForwardingNode?) { current?.directory.announce(node) }

    /// Calls back when messages flow to and from the others, each time.
    public func whenConnected(_ callback: @escaping @Sendable (_ localAddress: String?) -> Void) {
        state.withLockedValue { $0.onConnected.append(callback) }
        guard let parts = current else { return }
        let backend = parts.backend
        parts.directory.core.run { _ in if backend.status == .up { callback(backend.localAddress) } }
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

/// What all adapters of a server share.
struct ClusterParts: Sendable {
    let services: ClusterServices
    let backend: any ClusterBackend
    let directory: PeerDirectory
}
