// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Extends the ping time-out of a session whose input is paused, because its pong may be unread in the socket.
package enum PongGrace {
    /// When to check again for the pong that is now due; nil when the session has to end.
    ///
    /// The client has the whole of `pingTimeout` from the end of the pause. Input is paused only for a client that
    /// sends too much: when a client has fallen silent, its remaining input is read and its session then ends like any
    /// other.
    /// - Parameter heldUntil: the end of the last pause, which may be in the future.
    package static func deadline(now: NIODeadline, heldUntil: NIODeadline, pingTimeout: TimeAmount) -> NIODeadline? {
        guard heldUntil > .distantPast else { return nil }
        let deadline = heldUntil + pingTimeout
        return deadline > now ? deadline : nil
    }
}
