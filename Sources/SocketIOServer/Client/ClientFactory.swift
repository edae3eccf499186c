// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import LoopConfinement
internal import NIOConcurrencyHelpers

/// Makes a ``Client`` for every session the engine opens.
///
/// The engine is made first, because the objects that clients need depend on its shards. `start` passes these objects later.
final class ClientFactory: EngineDelegate {
    private struct Parts {
        let context: ServerContext
        let table: NamespaceTable
    }

    private let parts = NIOLockedValueBox<Parts?>(nil)

    /// Sessions opened before this, or after `stop`, are closed at once.
    func start(context: ServerContext, table: NamespaceTable) {
        parts.withLockedValue { $0 = Parts(context: context, table: table) }
    }

    func stop() {
        parts.withLockedValue { $0 = nil }
    }

    func opened(_ session: SessionCore) -> any EngineSessionHandler {
        guard let parts = parts.withLockedValue({ $0 }), !parts.context.isClosing else {
            session.close(discard: true)
            return NoClient()
        }
        return Client(
            session: session, context: parts.context, table: parts.table,
            shard: parts.context.shards[session.shard.index].core.value(beside: session))
    }
}

/// The handler of a session that was opened while the server was closing.
private final class NoClient: EngineSessionHandler {
    func received(_ message: EngineMessage) {}
    func upgraded(to transport: TransportName) {}
    func drained() {}
    func closed(_ reason: CloseReason, detail: String?) {}
}
