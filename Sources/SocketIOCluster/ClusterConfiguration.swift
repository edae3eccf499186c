// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOServer
package import SocketIOCore
internal import SocketIOServer

/// The settings of a ``Cluster``. Times are `Duration`, sizes bytes. ``validate()`` checks the ranges.
public struct ClusterConfiguration: Sendable {
    /// What a question does when not all servers have answered in time.
    public enum RequestTimeout: String, Sendable, Hashable, Codable, CaseIterable {
        /// It throws a ``ClusterError`` that names the servers that did not answer, with code `timeout`.
        case fail
        /// It returns the answers that arrived.
        case partial
    }

    /// The name of the cluster, the same on all its servers; not empty. Default `socket.io`.
    public var key = "socket.io"
    /// How long to wait for answers of other servers. Must be positive; default 5 s.
    public var requestsTimeout = Duration.seconds(5)
    /// What a question does after that time; default `fail`. `serverSideEmitWithAck` and broadcasts with acknowledgements
    /// always fail, with the answers that arrived.
    public var onRequestTimeout = RequestTimeout.fail
    /// How many questions to other servers, such as `fetchSockets`, may wait for answers at the same time. Further ones
    /// are not asked and throw ``ClusterError`` with code `overloaded`. At least 1; default 512.
    public var maxPendingRequests = 512
    /// The time between two heartbeats to the other servers. Must be positive; default 2 s.
    public var heartbeatInterval = Duration.seconds(2)
    /// How long another server may send no heartbeat before it counts as gone. Must be longer than ``heartbeatInterval``; default 6 s.
    public var peerTimeout = Duration.seconds(6)
    /// Whether answers to another server's `fetchSockets` contain the HTTP headers of the handshakes, which are their
    /// largest part. Default true, as in Node.
    public var fetchIncludesHeaders = true
    /// The address at which other servers reach the HTTP side of this one, shown as ``ClusterNode/address`` there; it is not used for
    /// forwarding. Default nil.
    public var address: String?
    /// The key that signs the messages of servers about themselves: at least 16 bytes, the same on all of them. A
    /// message without a valid signature, or with a time that is more than 30 s off, is counted and otherwise ignored,
    /// so the clocks of the servers may differ by 30 s at most.
    ///
    /// Default nil: then every program that can publish on the bus can pose as a server, and can redirect requests of clients, cookies
    /// included, to an address of its choice. See also ``ForwardingConfiguration/secret``, which should be the same.
    public var secret: ForwardingKey?
    /// Returns the number of sessions, which each heartbeat tells the others; called on an event loop, which it must not block. Nil, the
    /// default, tells 0.
    public var sessionCount: (@Sendable () -> Int)?
    /// The largest message between servers, 65,536 bytes to 512 MiB; default 16 MiB. A larger message of another server
    /// is dropped and counted. This server does not send a larger one either: `serverSideEmit` throws ``ClusterError`` with code
    /// `oversized`, everything else is logged and counted. It sends long answers in parts.
    public var maxMessageBytes = 16 << 20
    /// The name of ``maxMessageBytes`` in errors and log messages: an application that reads it from a settings file puts the key
    /// here. Default `ClusterConfiguration.maxMessageBytes`.
    public var maxMessageBytesName = "ClusterConfiguration.maxMessageBytes"
    /// The deepest nesting of arrays and objects in messages of other servers, 1 to 128; default 128. In broadcasts it
    /// is measured from the event's arguments, in everything else from the whole message. Deeper messages are dropped
    /// and counted.
    public var maxNesting = 128
    /// The most byte strings in a message of another server, 1 to 1,048,576; default 1,024. Messages with more are
    /// dropped and counted.
    public var maxAttachments = 1024
    /// The most rooms and exceptions that a message of another server may name, 1 to 1,048,576; default 65,536.
    /// Messages with more are dropped and counted.
    public var maxRooms = 65_536
    /// The most other servers that this one knows, 1 to 1,048,576; default 1,024. Heartbeats of further ones are ignored and
    /// counted. Without a ``secret``, every program that can publish on the bus can pose as any number of servers.
    public var maxPeers = 1024
    /// The most bytes that all other servers together may tell about themselves, 65,536 bytes to 1 GiB; default 64 MiB.
    /// The names of their namespaces are the largest part. What exceeds it is ignored and counted.
    public var maxPeerBytes = 64 << 20

    /// The limits for messages of other servers.
    package var limits: MessagePackLimits {
        var limits = MessagePackLimits()
        limits.maximumDepth = maxNesting
        limits.maximumAttachments = maxAttachments
        limits.maximumRooms = maxRooms
        limits.maximumTextLength = max(limits.maximumTextLength, 4 * maxMessageBytes)
        return limits
    }

    /// All defaults.
    public init() {}

    /// Checks all values.
    ///
    /// - Throws: ``ClusterError`` with code `configuration`, which names every value that cannot be used.
    public func validate() throws {
        let problems = problems
        guard problems.isEmpty else { throw ClusterError(.configuration, problems.joined(separator: "; ")) }
    }

    /// A sentence for each value that cannot work.
    package var problems: [String] {
        var problems: [String] = []
        if key.isEmpty { problems.append("key must not be empty") }
        if requestsTimeout <= .zero { problems.append("requestsTimeout must be positive") }
        if maxPendingRequests < 1 { problems.append("maxPendingRequests must be at least 1") }
        if heartbeatInterval <= .zero { problems.append("heartbeatInterval must be positive") }
        if peerTimeout <= heartbeatInterval { problems.append("peerTimeout must be longer than heartbeatInterval") }
        if !(65_536...512 << 20).contains(maxMessageBytes) {
            problems.append("maxMessageBytes must be 65536 to 536870912")
        }
        if !(1...128).contains(maxNesting) { problems.append("maxNesting must be 1 to 128") }
        for (name, value) in [("maxAttachments", maxAttachments), ("maxRooms", maxRooms), ("maxPeers", maxPeers)]
        where !(1...1_048_576).contains(value) {
            problems.append("\(name) must be 1 to 1048576")
        }
        if !(65_536...1 << 30).contains(maxPeerBytes) { problems.append("maxPeerBytes must be 65536 to 1073741824") }
        if let secret, secret.byteCount < ForwardingKey.minimumBytes {
            problems.append("secret must have at least \(ForwardingKey.minimumBytes) bytes")
        }
        return problems
    }

    /// Whether a question fails when not all servers have answered in time.
    func refusesPartialResults(of query: QueryOptions) -> Bool {
        switch query.partialResults {
        case .refused: true
        case .accepted: false
        case nil: onRequestTimeout == .fail
        }
    }
}
