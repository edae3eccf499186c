// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore

/// Lets clients continue their session when they come back after a lost connection: with the same id, rooms and data,
/// and with the events they have missed. See ``ServerConfiguration/connectionStateRecovery``.
///
/// Every event that asks for no acknowledgement then has one more argument at the end: a string, the offset (protocol 4.12). When the
/// client returns, it sends the newest offset, from which the server knows what the client has seen. Clients pass the offset to
/// their handlers like other arguments. Official clients from version 4.6 on need no setting. Sessions and events are kept in the
/// memory of this server. With an adapter over Redis streams, sessions are kept in Redis, and a client may return to any server.
public struct ConnectionStateRecovery: Sendable, Hashable {
    /// How long after the loss of its connection a session can be continued; positive, at most 24 hours. Default 2 minutes.
    public var maxDisconnectionDuration = Duration.seconds(120)
    /// Whether the middlewares of the namespace are skipped for a client that continues its session; default false.
    /// Those of `SocketIOJWT`, and others that set ``Socket/rateIdentity``, always run.
    public var skipMiddlewares = false
    /// How many events a namespace keeps, 0 to 10,000,000; default 10,000.
    public var maxPackets = 10_000
    /// How many bytes of events a namespace keeps, the names of their rooms included; default 64 MiB.
    public var maxBytes = 64 * 1024 * 1024
    /// How many bytes of events all namespaces keep together; with more, the namespaces with the most bytes drop their oldest events.
    /// Default 256 MiB.
    public var maxTotalBytes = 256 * 1024 * 1024
    /// How many lost sessions are kept, 0 to 10,000,000; with more, the oldest one is dropped. Default 100,000.
    public var maxSessions = 100_000
    /// About how many bytes of memory lost sessions may need with their rooms and data; above that the oldest one is dropped.
    /// Default 128 MiB. A session that needs more alone is not kept. Sessions in Redis do not count.
    public var maxSessionBytes = 128 * 1024 * 1024
    /// How many events one client may have missed; a client that missed more gets a new session. Default 10,000.
    public var maxReplayPackets = 10_000
    /// How many bytes of events one client may have missed; a client that missed more gets a new session. Default 8
    /// MiB.
    public var maxReplayBytes = 8 * 1024 * 1024
    /// The name of an event that tells a client why its session could not be continued. The server sends it after the
    /// answer to the CONNECT, with the raw value of the ``RecoveryFailure``. Nil, the default, sends no such event.
    public var failedEvent: String?

    /// All defaults.
    public init() {}

    func check(_ problems: inout [String]) {
        func require(_ condition: Bool, _ problem: String) {
            if !condition { problems.append("connectionStateRecovery.\(problem)") }
        }
        require(
            maxDisconnectionDuration > .zero && maxDisconnectionDuration <= .seconds(86_400),
            "maxDisconnectionDuration must be positive and at most 24 hours")
        require((0...10_000_000).contains(maxPackets), "maxPackets must be 0 to 10,000,000")
        require(maxBytes >= 0, "maxBytes must not be negative")
        require(maxTotalBytes >= 0, "maxTotalBytes must not be negative")
        require(maxSessionBytes >= 0, "maxSessionBytes must not be negative")
        require((0...10_000_000).contains(maxSessions), "maxSessions must be 0 to 10,000,000")
        require(maxReplayPackets >= 0, "maxReplayPackets must not be negative")
        require(maxReplayBytes >= 0, "maxReplayBytes must not be negative")
        if let failedEvent { require(!ReservedEventNames.contains(failedEvent), "failedEvent is a reserved name") }
    }

    /// - Parameter noticedAfter: how long the server may take to notice a lost connection.
    func logLimits(noticedAfter: Duration) -> EventLogLimits {
        EventLogLimits(
            maximumEvents: maxPackets, maximumBytes: maxBytes,
            maximumAge: TimeAmount(maxDisconnectionDuration + noticedAfter), maximumRooms: max(4 * maxPackets, 1_000))
    }

    var replayLimits: ReplayLimits { ReplayLimits(maximumEvents: maxReplayPackets, maximumBytes: maxReplayBytes) }
}

/// The result of a client's request to continue its earlier session, see ``Socket/recovery``.
public enum SessionRecovery: Sendable, Hashable {
    /// The client did not ask, or recovery is off.
    case none
    /// The session continues. `missed` events were sent before the client's `connect` event.
    case recovered(missed: Int)
    /// The client has a new session.
    case failed(RecoveryFailure)
}
