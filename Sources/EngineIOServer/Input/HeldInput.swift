// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// What a WebSocket has read and not looked at: it waits for its turn, or until the session may go on. While there is one, the
/// connection is not read. Confined to the session's loop.
final class HeldInput {
    /// What may be kept of input that nobody asked for while the session is paused: more than TLS can have unpacked.
    static let pausedLimit = 256 * 1024

    /// Bytes that follow those that were looked at, of a connection on the session's loop.
    var bytes = ByteBuffer()
    /// The same, unpacked already, of a connection on another loop; and whether that waits for them to be looked at.
    var events: ArraySlice<InboundHop.Event> = []
    var pausesReading = false
    /// How the connection has ended, which the session hears after what came before.
    var end: InboundHop.Event?
    var pause: InputPause?
    /// Whether it is among the ``InputTurns``.
    var isQueued = false
    /// How much of `bytes` came without having been asked for.
    var unasked = 0
}
