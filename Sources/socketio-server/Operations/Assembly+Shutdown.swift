// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc
internal import Logging
internal import SocketIORedis
internal import SocketIOServer

extension Assembly {
    /// The end of a serving process, in an order that loses nothing (protocol 4.11): load balancers and other nodes are told,
    /// newcomers are refused, those inside are sent away over `drain.windowMs`, and what is left is closed.
    ///
    /// Ends the process with exit code 1 when that takes longer than the window and `shutdownTimeoutMs`.
    ///
    /// - Parameter beforeClose: runs between the drain and the close.
    func shutDown(beforeClose: () -> Void) async {
        readiness.refuse(.draining, reason: "the server is about to end")
        server.beginDraining()
        cluster?.cluster.isDraining = true
        let clients = server.engine.clientsCount
        serviceManager.stopping(status: "draining \(clients) clients")
        logger.info("draining", metadata: ["clients": "\(clients)", "windowMs": "\(settings.drain.windowMs)"])
        let (logger, limit) = (logger, settings.drain.windowMs + settings.shutdownTimeoutMs)
        let deadline = Task {
            try await Task.sleep(for: .milliseconds(limit))
            logger.error("the end took longer than drain.windowMs and shutdownTimeoutMs; ending anyway")
            exit(EXIT_FAILURE)
        }
        await server.drain(over: .milliseconds(settings.drain.windowMs))
        logger.info("closing", metadata: ["clients": "\(server.engine.clientsCount)"])
        beforeClose()
        await close()
        deadline.cancel()
        logger.info("closed")
    }
}
