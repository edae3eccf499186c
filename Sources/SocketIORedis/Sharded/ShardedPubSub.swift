// Part of socketio-server, MIT licence; see LICENSE.

/// Sends all messages by sharded publish/subscribe (`SPUBLISH`, Redis 7), as `createShardedAdapter` of
/// `@socket.io/redis-adapter` does; see ``RedisClusterConfiguration/sharded``.
///
/// In a Redis Cluster a message then goes only to the primary that is responsible for its channel, and not to all of
/// them.
public struct ShardedPubSub: Sendable, Hashable {
    /// Which rooms have a channel of their own. All servers of a cluster need the same.
    public enum SubscriptionMode: String, Sendable, Hashable, Codable, CaseIterable {
        /// No room: a server receives every broadcast of its namespaces.
        case `static`
        /// Every room but the one that a socket has to itself.
        case dynamic
        /// Every room.
        case dynamicPrivate = "dynamic-private"
    }

    /// `subscriptionMode` in Node; default `dynamic`.
    public var subscriptionMode: SubscriptionMode

    /// The mode, with its default.
    public init(subscriptionMode: SubscriptionMode = .dynamic) { self.subscriptionMode = subscriptionMode }
}

extension ShardedPubSub.SubscriptionMode {
    /// Whether broadcasts to this room alone have a channel of their own.
    ///
    /// In mode `dynamic` a sender takes every name of 20 characters for the id of a socket, as Node does, because it
    /// does not know the sockets of other servers.
    func hasChannel(for room: String) -> Bool {
        switch self {
        case .static: false
        case .dynamic: room.utf16.count != 20
        case .dynamicPrivate: true
        }
    }
}
