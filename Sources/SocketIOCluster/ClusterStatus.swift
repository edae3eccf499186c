// Part of socketio-server, MIT licence; see LICENSE.

/// Whether this node and the others receive each other's messages.
public enum ClusterStatus: Sendable, Hashable, CustomStringConvertible {
    /// The first connection has not been made yet.
    case connecting
    /// Messages flow both ways.
    case up
    /// Messages flow one way only, or wait until other nodes are back. The text says why.
    case degraded(String)
    /// No messages flow: clients of this node reach only each other. The text says why.
    case down(String)
    /// The cluster has been closed.
    case closed

    /// The status as text.
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
