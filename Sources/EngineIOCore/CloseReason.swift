// Part of socketio-server, MIT licence; see LICENSE.

/// Why an Engine.IO session ended, as application handlers see it (protocol 1.11).
public enum CloseReason: String, Sendable, Codable, Hashable, CaseIterable {
    /// Socket error, overlapping requests, premature end, wrong heartbeat direction, oversized message.
    case transportError = "transport error"
    /// The peer closed the WebSocket or sent a close packet.
    case transportClose = "transport close"
    /// The server closed the session.
    case forcedClose = "forced close"
    /// No pong arrived within `pingTimeout`.
    case pingTimeout = "ping timeout"
    /// An Engine.IO packet could not be decoded.
    case parseError = "parse error"
}
