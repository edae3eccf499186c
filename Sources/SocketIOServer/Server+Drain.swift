// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer

extension Server {
    /// Disconnects all clients over a span of time, before ``close()`` (protocol 4.11).
    ///
    /// New handshakes get 503 with `Retry-After` at once. Open sessions go on until each is closed at its own moment
    /// within `window`, in random order: what has been sent to it is delivered first, its sockets get the reason
    /// `server shutting down`, and its client connects again by itself, through the load balancer to another server. The
    /// server goes on listening, because polling clients still have to fetch their last messages.
    ///
    /// Returns when no session is left, or two seconds after the window, and the asynchronous handlers have ended. They have
    /// ``ServerConfiguration/handlerGrace`` for that and are then cancelled. The call does not wait for a handler that calls it, and
    /// returns early when the task is cancelled or the server closed. A server that has been drained takes no clients any more: close
    /// it afterwards. From any thread.
    ///
    /// - Parameter window: The time over which the sessions are closed; zero closes all of them at once.
    public func drain(over window: Duration) async {
        excludeCallingHandler()
        await engineServer.drain(over: window) { session in
            if let client = session.handler as? Client {
                client.close(.serverShuttingDown)
            } else {
                session.close()
            }
        }
        if !Task.isCancelled, !context.isClosing { await waitForHandlers() }
    }

    /// Refuses handshakes from now on, as ``drain(over:)`` does, and leaves open sessions alone.
    public func beginDraining() { engineServer.beginDraining() }

    /// Whether handshakes are refused because the server is being drained.
    public var isDraining: Bool { engineServer.isDraining }
}
