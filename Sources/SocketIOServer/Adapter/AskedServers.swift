// Part of socketio-server, MIT licence; see LICENSE.

/// Whose answers a question to other servers waits for.
public enum AskedServers: String, Sendable, Codable, Hashable, CaseIterable {
    /// Every server's.
    case all
    /// Those of servers of this kind, which the adapter knows one by one. Others in the same cluster, such as Node.js
    /// servers, get the question too, but need not answer.
    case ofThisKind
}

extension Adapter {
    /// Waits for all servers: an adapter that has no others need not know the difference.
    public func serverSideEmitWithAck(
        _ packet: AdapterSPI.BroadcastPacket, timeout: Duration, of servers: AskedServers
    ) async throws -> [EventArguments] {
        try await serverSideEmitWithAck(packet, timeout: timeout)
    }
}
