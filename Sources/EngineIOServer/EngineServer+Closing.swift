// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

// The end of a server: sessions first, then the requests that it carries for other nodes.
extension EngineServer {
    /// Refuses everything new, closes every session with `forced close`, and returns when their WebSockets have closed
    /// too, which takes a second at most.
    package func close() async {
        isClosing.store(true, ordering: .releasing)
        for shard in shards {
            await withCheckedContinuation { continuation in
                shard.lag.stop()
                shard.run { shard in Self.closeSessions(of: shard) { continuation.resume() } }
            }
        }
    }

    /// To be called after ``close()``: until the listeners are closed, requests for sessions of other nodes are carried
    /// there, since those live on. Gives their clients the polls back that are under way.
    package func endForwarding(closing listeners: () async -> Void) async {
        await forwarder?.releasePolls()
        await listeners()
        forwarder?.close()
    }

    private static func closeSessions(of shard: ShardCore, _ done: @escaping @Sendable () -> Void) {
        var closed: [EventLoopFuture<Void>] = []
        for session in shard.allSessions() {
            for case let transport? in [
                session.activeTransport as? WebSocketTransport, session.upgradeAttempt?.candidate,
            ] {
                let promise = shard.eventLoop.makePromise(of: Void.self)
                transport.whenConnectionClosed { promise.succeed() }
                closed.append(promise.futureResult)
            }
            session.close(discard: true)
            // One that was closing already and waited for its client waits no longer.
            session.finish(session.machine.transportFinished())
        }
        shard.heartbeats.stop()
        shard.slowClients.stop()
        EventLoopFuture.andAllComplete(closed, on: shard.eventLoop).whenComplete { _ in done() }
    }

    // MARK: Requests that come too late

    /// Only for the sessions of other nodes, which live on.
    func serveWhileClosing(
        _ exchange: HTTPExchange, _ handshake: HandshakeRequest, _ verdict: HandshakeVerdict
    ) {
        if case .existing = verdict, forwarder != nil, home(of: StoredSessionID(handshake)) == nil {
            return serveElsewhere(exchange, handshake)
        }
        refuseWhileClosing(exchange)
    }

    func refuseWhileClosing(_ exchange: HTTPExchange) {
        if exchange.request.isUpgrade {
            exchange.refuseUpgrade(message: "Service Unavailable", status: .serviceUnavailable)
        } else {
            exchange.respond(HTTPServerResponse(status: .serviceUnavailable, closeConnection: true))
        }
    }
}
