// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// What a WebSocket does first. An object of its own, because nobody needs it after that.
final class UpgradeHandover: Sendable {
    /// The 101.
    let response: ByteBuffer
    /// What arrived after the request head.
    let early: ByteBuffer
    /// There is no TLS on the connection.
    let isPlaintext: Bool
    /// Takes the transport over, on the home loop, before anything the client sends is looked at.
    let ready: @Sendable (ShardCore, WebSocketTransport) -> Void
    /// Called instead when the connection turns out to be gone.
    let lost: @Sendable () -> Void

    init(
        response: ByteBuffer, early: ByteBuffer, isPlaintext: Bool,
        ready: @escaping @Sendable (ShardCore, WebSocketTransport) -> Void, lost: @escaping @Sendable () -> Void
    ) {
        self.response = response
        self.early = early
        self.isPlaintext = isPlaintext
        self.ready = ready
        self.lost = lost
    }
}
