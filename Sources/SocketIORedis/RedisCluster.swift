// Part of socketio-server, MIT licence; see LICENSE.

package import Logging
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
    package static let version = Cluster.version

    /// Makes the transport on the event loop it will work on.
    package typealias MakeTransport = @Sendable (any EventLoop, Logger) -> sending any PubSubTransport

    /// What the cluster was made with.
    public let configuration: RedisClusterConfiguration
    /// What has nothing to do with Redis.
    package let cluster: Cluster

    package init(
        configuration: RedisClusterConfiguration = RedisClusterConfiguration(), ids: ClusterIDs = ClusterIDs(),
        transport: @escaping MakeTransport
    ) throws {
        try configuration.validate()
        self.configuration = configuration
        cluster = try Cluster(configuration: configuration.cluster, ids: ids) { services in
            let transport = transport(services.eventLoop, services.logger)
            if let sharded = configuration.sharded {
                return ShardedBackend(
                    transport, configuration: configuration, sharded: sharded, services: services)
            }
            guard let streams = configuration.streams else {
                return RedisBackend(transport, configuration: configuration, services: services)
            }
            return StreamsBackend(
                transport, configuration: configuration, streams: streams, services: services)
        }
    }

    /// Makes the adapter of a namespace: for ``ServerConfiguration/adapter``.
    @Sendable
    public func adapter(_ context: AdapterSPI.Context) -> any Adapter { cluster.adapter(context) }

    // MARK: Looking

    /// Whether this node and the others can hear each other.
    public var status: ClusterStatus { cluster.status }

    /// Tells of changes of ``status``, on an event loop.
    public func onStatus(_ observer: @escaping @Sendable (ClusterStatus) -> Void) { cluster.onStatus(observer) }

    /// What has happened to messages between nodes so far.
    public var statistics: ClusterStatistics { cluster.statistics }

    /// The other nodes of this kind.
    public var nodes: [ClusterNode] { cluster.nodes }

    /// Whether the other nodes are told that this one is about to end. Set it when clients are being sent away.
    public var isDraining: Bool {
        get { cluster.isDraining }
        set { cluster.isDraining = newValue }
    }

    /// Waits until messages flow both ways, for servers that should not start without Redis.
    ///
    /// - Throws: ``ClusterError`` with code `unavailable` when that takes longer than `limit`; `CancellationError`.
    public func waitUntilUp(within limit: Duration) async throws { try await cluster.waitUntilUp(within: limit) }

    /// Waits until this node receives what others send to the rooms in which its sockets are now.
    ///
    /// With ``RedisClusterConfiguration/sharded``, in the modes `dynamic` and `dynamicPrivate`, a room has a channel of its
    /// own, and what another node sends in the moment between `join` and the subscription does not arrive here. Call
    /// this between the two, for example before the acknowledgement of the event that made the socket join. Otherwise it
    /// returns at once.
    ///
    /// - Throws: ``ClusterError`` with code `unavailable` when that takes longer than `limit`; `CancellationError`.
    public func waitForRooms(within limit: Duration = .seconds(5)) async throws {
        guard let backend = cluster.backend as? ShardedBackend else { return }
        let deadline = ContinuousClock.now + limit
        while !backend.areRoomsSettled {
            guard ContinuousClock.now < deadline else {
                throw ClusterError.unavailable("Redis has not confirmed the subscriptions to all rooms")
            }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    /// Says goodbye to the other nodes and disconnects from Redis. Happens by itself when the server closes.
    public func close() async { await cluster.close() }
}
