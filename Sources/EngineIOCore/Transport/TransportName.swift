// Part of socketio-server, MIT licence; see LICENSE.

/// A way for a session to move its packets (protocol 1.4).
public enum TransportName: String, Sendable, Codable, Hashable, CaseIterable {
    /// HTTP long-polling.
    case polling
    /// WebSocket, RFC 6455.
    case websocket

    /// The same as from a text.
    init?(_ bytes: UnsafeRawBufferPointer) {
        if bytes.equals("polling") {
            self = .polling
        } else if bytes.equals("websocket") {
            self = .websocket
        } else {
            return nil
        }
    }
}
