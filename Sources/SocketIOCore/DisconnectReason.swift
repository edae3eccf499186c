// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore

/// Why a socket was disconnected, as `disconnecting` and `disconnect` handlers see it.
///
/// The raw values are the exact strings that Node.js servers give their handlers (protocol 3.8).
public enum DisconnectReason: String, Sendable, Codable, Hashable, CaseIterable {
    /// The connection failed: socket error, overlapping requests, premature end, oversized message.
    case transportError = "transport error"
    /// The peer closed the connection, for example by closing its tab.
    case transportClose = "transport close"
    /// Server code closed the Engine.IO session; also after a packet that could not be decoded.
    case forcedClose = "forced close"
    /// No heartbeat answer arrived within `pingTimeout`.
    case pingTimeout = "ping timeout"
    /// An Engine.IO packet could not be decoded.
    case parseError = "parse error"
    /// The server is closing.
    case serverShuttingDown = "server shutting down"
    /// The server ended the whole client: a packet that broke the protocol, `connectTimeout`, a limit or a rate that was exceeded.
    case forcedServerClose = "forced server close"
    /// The client left the namespace.
    case clientNamespaceDisconnect = "client namespace disconnect"
    /// The server removed the socket from its namespace, also with `disconnect(close: true)`.
    case serverNamespaceDisconnect = "server namespace disconnect"

    /// The reason a socket reports when its Engine.IO session ends with `reason`.
    public init(_ reason: CloseReason) {
        switch reason {
        case .transportError: self = .transportError
        case .transportClose: self = .transportClose
        case .forcedClose: self = .forcedClose
        case .pingTimeout: self = .pingTimeout
        case .parseError: self = .parseError
        }
    }

    /// Whether the connection state of the socket may be recovered when the client returns (protocol 4.12.3, rule 1).
    ///
    /// False when one side has left the namespace on purpose, and when an Engine.IO packet could not be decoded.
    public var isRecoverable: Bool {
        switch self {
        case .transportError, .transportClose, .forcedClose, .pingTimeout, .serverShuttingDown, .forcedServerClose:
            true
        case .parseError, .clientNamespaceDisconnect, .serverNamespaceDisconnect:
            false
        }
    }
}
