// Part of socketio-server, MIT licence; see LICENSE.

/// What happens to messages for other nodes while Redis cannot be reached (protocol 5.12). Delivery to this node's own
/// clients goes on without delay in any case.
public struct OutagePolicy: Sendable, Hashable {
    /// The kinds of behaviour.
    public enum Mode: String, Sendable, Codable, Hashable, CaseIterable {
        /// They are lost for the other nodes, and counted. What Node does.
        case localOnly
        /// They wait and are sent in order when Redis is back.
        case buffer
        /// As `localOnly`; calls that can throw do, the others log an error.
        case fail
    }

    /// What to do. Default `buffer`.
    public var mode: Mode
    /// Bytes that may wait, also while Redis is only slow; the oldest are dropped for newer ones. Default 16 MiB.
    public var maximumBytes: Int
    /// How old a message may become before it is dropped instead of sent. Default 30 s.
    public var maximumAge: Duration
    /// How long messages wait, once Redis is back, for the other nodes to be back too. Default 1 s.
    public var replayGrace: Duration

    /// A policy with defaults for what is not given.
    public init(
        mode: Mode = .buffer, maximumBytes: Int = 16 << 20, maximumAge: Duration = .seconds(30),
        replayGrace: Duration = .seconds(1)
    ) {
        self.mode = mode
        self.maximumBytes = maximumBytes
        self.maximumAge = maximumAge
        self.replayGrace = replayGrace
    }
}
