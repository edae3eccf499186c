// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Input that a WebSocket has read but not handled yet, because it waits for its turn or the session is paused. While
/// there is any, the connection is not read. Confined to the session's loop.
final class HeldInput {
    /// How many bytes of unrequested input are kept while the session is paused: more than TLS can have decrypted.
    static let pausedLimit = 256 * 1024

    /// Unhandled bytes of a connection on the session's loop.
    var bytes = ByteBuffer()
    /// Decoded batches of a connection on another loop, and whether that connection waits until they have been handled.
    var events: ArraySlice<InboundHop.Event> = []
    var pausesReading = false
    /// How the connection has ended; the session is told after all earlier input has been handled.
    var end: InboundHop.Event?
    var pause: InputPause?
    /// Whether the transport is queued in the ``InputTurns``.
    var isQueued = false
    /// How many of `bytes` arrived without a read request.
    var unasked = 0
}
