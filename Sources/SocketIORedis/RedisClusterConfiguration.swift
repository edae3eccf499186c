// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOCluster

/// How a node takes part in a cluster over Redis: the settings of every ``ClusterConfiguration``, which can be read and set here as
/// well (`configuration.key`), and those of Redis. Times are `Duration`, sizes bytes.
///
/// The largest message, ``ClusterConfiguration/maxMessageBytes``, is also what Redis takes at most: 512 MiB. Whoever can publish
/// to this Redis can pose as a node unless ``ClusterConfiguration/secret`` is set.
@dynamicMemberLookup
public struct RedisClusterConfiguration: Sendable {
    /// What a question does when not all nodes have answered in time.
    public typealias RequestTimeout = ClusterConfiguration.RequestTimeout

    /// What has nothing to do with Redis.
    public var cluster = ClusterConfiguration()
    /// Whether answers to Node.js servers go to a channel of the asking node alone. Nodes of this kind do that among
    /// themselves anyway. Default false, as in Node.
    public var publishOnSpecificResponseChannel = false
    /// How broadcasts travel in Redis streams; default nil: by publish/subscribe. All nodes need the same.
    public var streams: RedisStreams?
    /// Sharded publish/subscribe instead; default nil. It excludes ``streams``. All nodes need the same.
    public var sharded: ShardedPubSub?
    /// What happens to messages while Redis cannot be reached.
    public var outage = OutagePolicy()

    /// All defaults.
    public init() { cluster.maxMessageBytesName = ClusterError.messageLimitName }

    /// A setting of ``cluster``.
    public subscript<Value>(dynamicMember setting: WritableKeyPath<ClusterConfiguration, Value>) -> Value {
        get { cluster[keyPath: setting] }
        set { cluster[keyPath: setting] = newValue }
    }

    /// The value of the setting `adapter`.
    package var adapterName: String {
        if streams != nil { return "redis-streams" }
        return sharded == nil ? "redis" : "redis-sharded"
    }

    /// Refuses values that cannot work, all at once.
    ///
    /// - Throws: ``ClusterError`` with code `configuration`.
    public func validate() throws {
        var problems = cluster.problems
        problems += streams?.problems ?? []
        if streams != nil, sharded != nil { problems.append("streams and sharded exclude each other") }
        if outage.maximumBytes < 0 { problems.append("outage.maximumBytes must not be negative") }
        if outage.maximumAge <= .zero { problems.append("outage.maximumAge must be positive") }
        if outage.replayGrace < .zero { problems.append("outage.replayGrace must not be negative") }
        guard problems.isEmpty else { throw ClusterError(.configuration, problems.joined(separator: "; ")) }
    }
}
