// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import SocketIOCore

extension AdapterSPI {
    /// An adapter around another one, that does everything by default as that does.
    ///
    /// ```swift
    /// /// Writes down what is broadcast.
    /// final class Journal: AdapterSPI.ForwardingAdapter {
    ///     let base: any Adapter
    ///     init(_ context: AdapterSPI.Context) { base = context.local }
    ///
    ///     func broadcast(_ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions) {
    ///         write(packet.event)
    ///         base.broadcast(packet, options: options)
    ///     }
    /// }
    /// ```
    ///
    /// A protocol and not a class, so that an adapter can be final, and the compiler checks that it is `Sendable`.
    public protocol ForwardingAdapter: Adapter {
        /// What is done by default, for example ``Context/local`` or an adapter made with a cluster.
        var base: any Adapter { get }
    }
}

extension AdapterSPI.ForwardingAdapter {
    /// As the base.
    public func start() async throws { try await base.start() }

    /// As the base.
    public func close() async { await base.close() }

    /// As the base.
    public func serverCount() async throws -> Int { try await base.serverCount() }

    /// As the base.
    public func broadcast(_ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions) {
        base.broadcast(packet, options: options)
    }

    /// As the base.
    public func broadcastWithAck(
        _ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions, receiver: any AdapterSPI.AckReceiver
    ) {
        base.broadcastWithAck(packet, options: options, receiver: receiver)
    }

    /// As the base.
    public func addSockets(_ options: BroadcastOptions, rooms: [String]) { base.addSockets(options, rooms: rooms) }

    /// As the base.
    public func removeSockets(_ options: BroadcastOptions, rooms: [String]) {
        base.removeSockets(options, rooms: rooms)
    }

    /// As the base.
    public func disconnectSockets(_ options: BroadcastOptions, close: Bool) {
        base.disconnectSockets(options, close: close)
    }

    /// As the base.
    public func fetchSockets(_ options: BroadcastOptions) async throws -> [SocketDescription] {
        try await base.fetchSockets(options)
    }

    /// As the base.
    public func sockets(in rooms: NameSet) async throws -> NameSet { try await base.sockets(in: rooms) }

    /// As the base.
    public func allRooms() async throws -> NameSet { try await base.allRooms() }

    /// As the base.
    public func count(_ options: BroadcastOptions) async throws -> Int { try await base.count(options) }

    /// As the base.
    public func countByRoom() async throws -> NameDictionary<Int> { try await base.countByRoom() }

    /// As the base.
    public func serverSideEmit(_ packet: AdapterSPI.BroadcastPacket) async throws {
        try await base.serverSideEmit(packet)
    }

    /// As the base.
    public func serverSideEmitWithAck(
        _ packet: AdapterSPI.BroadcastPacket, timeout: Duration
    ) async throws -> [EventArguments] {
        try await base.serverSideEmitWithAck(packet, timeout: timeout)
    }

    /// As the base; for all servers, as the form without `of`.
    public func serverSideEmitWithAck(
        _ packet: AdapterSPI.BroadcastPacket, timeout: Duration, of servers: AskedServers
    ) async throws -> [EventArguments] {
        // An adapter that has the form for all servers only need not write this one.
        guard servers != .all else { return try await serverSideEmitWithAck(packet, timeout: timeout) }
        return try await base.serverSideEmitWithAck(packet, timeout: timeout, of: servers)
    }
}
