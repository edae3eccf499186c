// Part of socketio-server, MIT licence; see LICENSE.

/// The state of a link to Redis.
package enum RedisLinkState: Sendable, Equatable, CustomStringConvertible {
    /// The first attempts since the start.
    case connecting
    /// Everything works.
    case up
    /// Connected, but something does not work: a late health check, a refused subscription.
    case degraded(reason: String)
    /// No connection; attempts go on.
    case down(reason: String)
    /// Closed by the owner; final.
    case closed

    /// Whether there is a connection.
    package var isConnected: Bool {
        switch self {
        case .up, .degraded: true
        case .connecting, .down, .closed: false
        }
    }

    package var description: String {
        switch self {
        case .connecting: "connecting"
        case .up: "up"
        case .degraded(let reason): "degraded: \(reason)"
        case .down(let reason): "down: \(reason)"
        case .closed: "closed"
        }
    }
}
