// Part of socketio-server, MIT licence; see LICENSE.

/// Whether this node and the others can hear each other.
public enum ClusterStatus: Sendable, Hashable, CustomStringConvertible {
    /// Not connected yet, for the first time.
    case connecting
    /// Messages flow both ways.
    case up
    /// Messages flow one way only, or wait for other nodes to be back.
    case degraded(String)
    /// Clients of this node reach each other only.
    case down(String)
    /// The end.
    case closed

    /// The state in words.
    public var description: String {
        switch self {
        case .connecting: "connecting"
        case .up: "up"
        case .degraded(let reason): "degraded: \(reason)"
        case .down(let reason): "down: \(reason)"
        case .closed: "closed"
        }
    }
}
