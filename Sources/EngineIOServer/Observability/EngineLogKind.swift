// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The log lines of the engine that a peer can cause.
enum EngineLogKind: String, LogKind {
    case slowClient = "a slow client was disconnected"
    case tooManySessions = "handshakes are refused: admission.maxSessions is reached"
    case tooManyHandshakes = "handshakes are refused: admission.maxHandshakesPerSecond is reached"
    case tooManySessionsOfAddress =
        "handshakes of an address are refused: admission.maxSessionsPerAddress is reached"
    case tooManyHandshakesOfAddress =
        "handshakes of an address are refused: admission.maxHandshakesPerSecondPerAddress is reached"
    case tooManyPendingSessions =
        "sessions that joined no namespace were ended: admission.maxPendingSessions is reached"
    case tooManyPendingBytes = "sessions that joined no namespace were ended: admission.maxPendingBytes is reached"
    case outOfDescriptors = "connections are refused: the process has no descriptors left for them"
    case overLimit = "a client exceeded a limit and was refused"
    case noProxyHeader = "a connection of a trusted proxy was closed: it does not begin with a PROXY header"
    case foreignOrigin = "a request was refused: cors.origin does not allow the page it comes from"

    /// A minute for conditions that persist until their cause is removed.
    var interval: TimeAmount {
        switch self {
        case .foreignOrigin: .seconds(1)
        case .overLimit: .seconds(10)
        default: .minutes(1)
        }
    }
}
