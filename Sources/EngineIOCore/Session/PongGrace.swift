// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// How a session whose input is held back keeps its heartbeat: the pong may lie unread in the socket.
package enum PongGrace {
    /// When to look again for the pong whose time is up now; nil when the session has to end.
    ///
    /// The client has the whole of `pingTimeout` from the moment its input was looked at again. Input is held back only for
    /// somebody who sends: one that has fallen silent is read to the end, and then ended like every other.
    /// - Parameter heldUntil: the end of the last pause, which may lie ahead.
    package static func deadline(now: NIODeadline, heldUntil: NIODeadline, pingTimeout: TimeAmount) -> NIODeadline? {
        guard heldUntil > .distantPast else { return nil }
        let deadline = heldUntil + pingTimeout
        return deadline > now ? deadline : nil
    }
}
