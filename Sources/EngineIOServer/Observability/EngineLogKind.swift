// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The lines of the engine that a peer can cause.
enum EngineLogKind: String, LogKind {
    case slowClient = "a slow client was disconnected"
    case tooManySessions = "handshakes are refused: admission.maxSessions is reached"
    case tooManyHandshakes = "handshakes are refused: admission.maxHandshakesPerSecond is reached"
    case foreignOrigin = "a request was refused: cors.origin does not allow the page it comes from"
    case nodeRefuses = "Another node refuses what this one signs"
    case nodeUnreachable = "Another node cannot be reached"
    case forwardRefused = "A request to the listener for other nodes was refused"

    /// A minute for what lasts as long as its cause.
    var interval: TimeAmount {
        switch self {
        case .slowClient, .tooManySessions, .tooManyHandshakes, .nodeRefuses, .nodeUnreachable, .forwardRefused:
            .minutes(1)
        case .foreignOrigin: .seconds(1)
        }
    }
}
