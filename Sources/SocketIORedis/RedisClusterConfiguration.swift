// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOServer
public import SocketIOCluster

/// How a node takes part in a cluster over Redis. Times are `Duration`, sizes bytes.
public struct RedisClusterConfiguration: Sendable {
    /// What a question does when not all nodes have answered in time.
    public typealias RequestTimeout = ClusterConfiguration.RequestTimeout

    /// First part of all channel names; all nodes of a cluster need the same. Default `socket.io`.
    public var key = "socket.io"
    /// How long to wait for answers of other nodes; default 5 s.
    public var requestsTimeout = Duration.seconds(5)
    /// What happens then; default `fail`. `serverSideEmitWithAck` and broadcasts with acknowledgements always fail, with
    /// the answers there are.
    public var onRequestTimeout = RequestTimeout.fail
    /// Questions to other nodes, such as `fetchSockets`, that may wait for answers at once; further ones fail with code
    /// `overloaded` without having been asked. Default 512.
    public var maxPendingRequests = 512
    /// Whether answers to Node.js servers go to a channel of the asking node alone. Nodes of this kind do that among
    /// themselves anyway. Default false, as in Node.
    public var publishOnSpecificResponseChannel = false
    /// How broadcasts travel in Redis streams; default nil: by publish/subscribe. All nodes need the same.
    public var streams: RedisStreams?
    /// What happens to messages while Redis cannot be reached.
    public var outage = OutagePolicy()
    /// Time between two heartbeats to nodes of this kind; default 2 s.
    public var heartbeatInterval = Duration.seconds(2)
    /// How long a node of this kind may be silent before it counts as gone; default 6 s.
    public var peerTimeout = Duration.seconds(6)
    /// Whether `fetchSockets` tells other nodes the HTTP headers of the handshakes, the largest part of its answers.
    /// Default true, as in Node.
    public var fetchIncludesHeaders = true
    /// Where other nodes reach the HTTP side of this one, told to them as it is; default nil.
    public var address: String?
    /// What nodes of this kind sign their messages to each other with, at least 16 bytes and the same on all of them.
    /// Messages that are not signed with it, or not of now, are counted and otherwise ignored, so clocks may be 30 s apart at
    /// most.
    ///
    /// Default nil: then anybody who can publish to this Redis can pose as a node, and have requests of clients, cookies
    /// included, sent to an address of their choice. See also ``ForwardingConfiguration/secret``, which should be the same.
    public var secret: ForwardingKey?
    /// Asked at each heartbeat for the number of sessions to tell the others; default nil, which tells 0.
    public var sessionCount: (@Sendable () -> Int)?
    /// Largest message between nodes, 65,536 bytes to 512 MiB, which is the most that Redis takes; default 16 MiB. A larger one
    /// of another node is dropped and counted. What this node has to say is not sent either, with an error, since nodes with
    /// the same setting would drop it; long answers to nodes of this kind are sent in parts.
    public var maxMessageBytes = 16 << 20
    /// Deepest nesting of arrays and objects in messages of other nodes, 1 to 128; default 128. Broadcasts are measured from
    /// the event's arguments, everything else as a whole. Deeper ones are dropped and counted.
    public var maxNesting = 128
    /// Byte strings in a message of another node, 1 to 1,048,576; default 1,024. Messages with more are dropped and counted.
    public var maxAttachments = 1024
    /// Rooms and exceptions that a message of another node may name, 1 to 1,048,576; default 65,536. Messages with more are
    /// dropped and counted.
    public var maxRooms = 65_536

    /// All defaults.
    public init() {}

    /// Refuses values that cannot work, all at once.
    ///
    /// - Throws: ``ClusterError`` with code `configuration`.
    public func validate() throws {
        var problems = cluster.problems
        problems += streams?.problems ?? []
        if outage.maximumBytes < 0 { problems.append("outage.maximumBytes must not be negative") }
        if outage.maximumAge <= .zero { problems.append("outage.maximumAge must be positive") }
        if outage.replayGrace < .zero { problems.append("outage.replayGrace must not be negative") }
        guard problems.isEmpty else { throw ClusterError(.configuration, problems.joined(separator: "; ")) }
    }

    /// What has nothing to do with Redis.
    var cluster: ClusterConfiguration {
        var cluster = ClusterConfiguration()
        cluster.key = key
        cluster.requestsTimeout = requestsTimeout
        cluster.onRequestTimeout = onRequestTimeout
        cluster.maxPendingRequests = maxPendingRequests
        cluster.heartbeatInterval = heartbeatInterval
        cluster.peerTimeout = peerTimeout
        cluster.fetchIncludesHeaders = fetchIncludesHeaders
        cluster.address = address
        cluster.secret = secret
        cluster.sessionCount = sessionCount
        cluster.maxMessageBytes = maxMessageBytes
        cluster.maxNesting = maxNesting
        cluster.maxAttachments = maxAttachments
        cluster.maxRooms = maxRooms
        return cluster
    }
}
