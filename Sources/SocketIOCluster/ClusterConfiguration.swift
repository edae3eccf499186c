// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOServer
internal import NIOCore
package import SocketIOCore
internal import SocketIOServer

/// How a server takes part in a cluster. Times are `Duration`, sizes bytes.
public struct ClusterConfiguration: Sendable {
    /// What a question does when not all servers have answered in time.
    public enum RequestTimeout: String, Sendable, Hashable, Codable, CaseIterable {
        /// It throws a ``ClusterError`` that names who is missing.
        case fail
        /// It returns what there is.
        case partial
    }

    /// Name of the cluster, the same on all its servers. Default `socket.io`.
    public var key = "socket.io"
    /// How long to wait for answers of other servers; default 5 s.
    public var requestsTimeout = Duration.seconds(5)
    /// What happens then; default `fail`. `serverSideEmitWithAck` and broadcasts with acknowledgements always fail, with
    /// the answers there are.
    public var onRequestTimeout = RequestTimeout.fail
    /// Questions to other servers, such as `fetchSockets`, that may wait for answers at once; further ones fail with code
    /// `overloaded` without having been asked. Default 512.
    public var maxPendingRequests = 512
    /// Time between two heartbeats to the other servers; default 2 s.
    public var heartbeatInterval = Duration.seconds(2)
    /// How long another server may be silent before it counts as gone; default 6 s.
    public var peerTimeout = Duration.seconds(6)
    /// Whether `fetchSockets` tells other servers the HTTP headers of the handshakes, the largest part of its answers.
    /// Default true, as in Node.
    public var fetchIncludesHeaders = true
    /// Where other servers reach the HTTP side of this one, told to them as it is; default nil.
    public var address: String?
    /// What the servers sign their messages about themselves with, at least 16 bytes and the same on all of them. Messages that
    /// are not signed with it, or not of now, are counted and otherwise ignored, so clocks may be 30 s apart at most.
    ///
    /// Default nil: then anybody who can publish can pose as a server, and have requests of clients, cookies included, sent to an
    /// address of their choice. See also ``ForwardingConfiguration/secret``, which should be the same.
    public var secret: ForwardingKey?
    /// Asked at each heartbeat for the number of sessions to tell the others; default nil, which tells 0.
    public var sessionCount: (@Sendable () -> Int)?
    /// Largest message between servers, 65,536 bytes to 512 MiB; default 16 MiB. A larger one of another server is dropped and
    /// counted. What this server has to say is not sent either, with an error, since servers with the same setting would drop it;
    /// long answers are sent in parts.
    public var maxMessageBytes = 16 << 20
    /// Deepest nesting of arrays and objects in messages of other servers, 1 to 128; default 128. Broadcasts are measured from
    /// the event's arguments, everything else as a whole. Deeper ones are dropped and counted.
    public var maxNesting = 128
    /// Byte strings in a message of another server, 1 to 1,048,576; default 1,024. Messages with more are dropped and counted.
    public var maxAttachments = 1024
    /// Rooms and exceptions that a message of another server may name, 1 to 1,048,576; default 65,536. Messages with more are
    /// dropped and counted.
    public var maxRooms = 65_536

    /// What messages of other servers may hold.
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

    /// Refuses values that cannot work, all at once.
    ///
    /// - Throws: ``ClusterError`` with code `configuration`.
    public func validate() throws {
        let problems = problems
        guard problems.isEmpty else { throw ClusterError(.configuration, problems.joined(separator: "; ")) }
    }

    /// What cannot work, in words.
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
        for (name, value) in [("maxAttachments", maxAttachments), ("maxRooms", maxRooms)]
        where !(1...1_048_576).contains(value) {
            problems.append("\(name) must be 1 to 1048576")
        }
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
