// Part of socketio-server, MIT licence; see LICENSE.

/// The servers whose answers a question waits for.
public enum AskedServers: String, Sendable, Codable, Hashable, CaseIterable {
    /// All other servers.
    case all
    /// The other servers of this kind, which the adapter knows one by one. Servers of another kind in the same cluster, such as
    /// Node.js servers, get the question too, but the call does not wait for their answers.
    case ofThisKind
}

extension Adapter {
    /// Waits for all servers. An adapter whose cluster has only servers of one kind need not implement this method.
    public func serverSideEmitWithAck(
        _ packet: AdapterSPI.BroadcastPacket, timeout: Duration, of servers: AskedServers
    ) async throws -> [EventArguments] {
        try await serverSideEmitWithAck(packet, timeout: timeout)
    }
}
