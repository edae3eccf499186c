// Part of socketio-server, MIT licence; see LICENSE.

/// A way packets travel between client and server (spec 1.4).
public enum TransportName: String, Sendable, Hashable, CaseIterable {
    /// HTTP long-polling.
    case polling
    /// WebSocket, from the start or after an upgrade.
    case websocket
}
