// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore

extension Server {
    /// Calls `body` with the namespace that clients would get under this name, and keeps the namespace at least until `body`
    /// has returned. One that a parent makes for this call goes again as soon as it has no sockets.
    ///
    /// ``of(_:)`` would make a namespace of any name, and keep it: wrong for names that come from outside.
    ///
    /// - Returns: nil without a call when there is no such namespace and no parent accepts the name without `auth`.
    package func withNamespace<Outcome: Sendable>(
        _ name: String, _ body: (Namespace) async throws -> Outcome
    ) async rethrows -> Outcome? {
        let name = SocketPacket.isMain(name) ? SocketPacket.mainNamespace : name
        if let namespace = table.acquire(existing: name) {
            defer { table.release(namespace) }
            return try await body(namespace)
        }
        guard let namespace = await table.acquire(matching: name, auth: .null) else { return nil }
        defer { table.release(namespace, forgettingEmpty: true) }
        return try await body(namespace)
    }
}
