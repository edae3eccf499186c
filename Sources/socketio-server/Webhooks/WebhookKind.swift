// Part of socketio-server, MIT licence; see LICENSE.

/// What webhooks tell of.
enum WebhookKind: String, CaseIterable, Sendable {
    /// A socket has connected to a namespace.
    case connect
    /// It has left the namespace.
    case disconnect
    /// It has joined a room, other than the one with its own id.
    case join
    /// It has left a room.
    case leave
    /// It has sent one of the events of `webhooks.eventNames`.
    case event
}
