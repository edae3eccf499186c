// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore

/// What the layer above the engine supplies for the whole server.
package protocol EngineDelegate: AnyObject, Sendable {
    /// A session has opened. Called on the session's event loop, after its transport has processed the handshake
    /// request, so the `open` packet is already on its way. The returned handler hears everything else, and of the end also when
    /// the session is closed in this very call.
    ///
    /// The layer above calls ``SessionCore/markEstablished()`` when the session is in use. Until then it counts as
    /// pending, see ``EngineConfiguration/maxPendingSessions``.
    func opened(_ session: SessionCore) -> any EngineSessionHandler
}

/// What the layer above hears of one session. All calls are made on the session's event loop.
package protocol EngineSessionHandler: AnyObject {
    /// The session is open, and this handler its own: only for clients of revision 3, which are connected to the main
    /// namespace unasked (protocol 2.5).
    func begin()
    /// A message arrived, in the client's order.
    func received(_ message: consuming EngineMessage)
    /// A packet of the engine itself has arrived; `isHeartbeat` for the pong that was waited for.
    func receivedControl(isHeartbeat: Bool)
    /// The session has moved to another transport; nothing was lost on the way.
    func upgraded(to transport: TransportName)
    /// A transport that was busy has taken everything that waited, and the session is writable again. Not called for
    /// writes the transport took at once.
    func drained()
    /// The session has dropped `count` messages because its client reads too slowly.
    func dropped(messages count: Int)
    /// The policy for messages of this origin; nil for the configured one.
    func slowClientPolicy(origin: Int32) -> SlowClientPolicy?
    /// The session is over; the last call. `detail` is for logs and application handlers, never for the client.
    func closed(_ reason: CloseReason, detail: String?)
    /// Why this layer ended the session, if it did; for logs.
    var endReason: String? { get }
    /// What it did that for; for logs.
    var endDetail: String? { get }
}

extension EngineSessionHandler {
    package var endReason: String? { nil }
    package var endDetail: String? { nil }
    package func receivedControl(isHeartbeat: Bool) {}
    package func begin() {}
    package func dropped(messages count: Int) {}
    package func slowClientPolicy(origin: Int32) -> SlowClientPolicy? { nil }
}
