// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOServer

/// Tells nodes where to send each other requests that reached the wrong one:
///
/// ```swift
/// configuration.adapter = cluster.adapter
/// configuration.engine.forwarding = ForwardingConfiguration(directory: cluster)
/// ```
///
/// Addresses, and the keys of nodes that have no common secret, travel with the heartbeats through Redis. Without
/// ``ClusterConfiguration/secret``, anyone with the right to publish in Redis can redirect requests of clients to an
/// address of their choice.
extension RedisCluster: ForwardingDirectory {
    /// The node whose session ids begin like this; the newest, when there are several.
    public func owner(ofTag tag: String) -> ForwardingNode? { cluster.owner(ofTag: tag) }

    /// Tells the others at once, and with every heartbeat.
    public func announce(_ node: ForwardingNode?) { cluster.announce(node) }

    /// Calls back when messages flow to and from Redis, each time.
    public func whenConnected(_ callback: @escaping @Sendable (_ localAddress: String?) -> Void) {
        cluster.whenConnected(callback)
    }
}
