// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import SocketIOCore

extension AdapterSPI {
    /// An adapter around another one. Each method calls the same method of ``base`` unless the type implements it itself.
    ///
    /// Install it in the configuration, around the memory adapter or around the adapter of a cluster:
    ///
    /// ```swift
    /// configuration.adapter = { context in Journal(around: cluster.adapter(context)) }
    /// ```
    ///
    /// ```swift
    /// /// Writes down what is broadcast.
    /// final class Journal: AdapterSPI.ForwardingAdapter {
    ///     let base: any Adapter
    ///     init(around base: any Adapter) { self.base = base }
    ///
    ///     func broadcast(_ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions) {
    ///         write(packet.event)
    ///         base.broadcast(packet, options: options)
    ///     }
    /// }
    /// ```
    ///
    /// The methods see the calls that the application of this server makes for more than one socket. They see neither the operations
    /// that arrive from other servers nor the calls of a single `Socket`, which do not go through an adapter; `docs/adapters.md`
    /// lists them.
    ///
    /// This is a protocol and not a class, so that an adapter can be final and the compiler checks that it is `Sendable`.
    public protocol ForwardingAdapter: Adapter {
        /// The adapter that does the work, for example ``Context/local`` or the adapter of a cluster. It must be the same object at
        /// every call.
        var base: any Adapter { get }
    }
}

extension AdapterSPI.ForwardingAdapter {
    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func start() async throws { try await base.start() }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func close() async { await base.close() }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func serverCount() async throws -> Int { try await base.serverCount() }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func broadcast(_ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions) {
        base.broadcast(packet, options: options)
    }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func broadcastWithAck(
        _ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions, receiver: any AdapterSPI.AckReceiver
    ) {
        base.broadcastWithAck(packet, options: options, receiver: receiver)
    }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func addSockets(_ options: BroadcastOptions, rooms: [String]) { base.addSockets(options, rooms: rooms) }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func removeSockets(_ options: BroadcastOptions, rooms: [String]) {
        base.removeSockets(options, rooms: rooms)
    }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func disconnectSockets(_ options: BroadcastOptions, close: Bool) {
        base.disconnectSockets(options, close: close)
    }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func fetchSockets(_ options: BroadcastOptions) async throws -> [SocketDescription] {
        try await base.fetchSockets(options)
    }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func sockets(in rooms: NameSet) async throws -> NameSet { try await base.sockets(in: rooms) }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func allRooms() async throws -> NameSet { try await base.allRooms() }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func count(_ options: BroadcastOptions) async throws -> Int { try await base.count(options) }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func countByRoom() async throws -> NameDictionary<Int> { try await base.countByRoom() }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func serverSideEmit(_ packet: AdapterSPI.BroadcastPacket) async throws {
        try await base.serverSideEmit(packet)
    }

    /// Calls the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func serverSideEmitWithAck(
        _ packet: AdapterSPI.BroadcastPacket, timeout: Duration
    ) async throws -> [EventArguments] {
        try await base.serverSideEmitWithAck(packet, timeout: timeout)
    }

    /// Calls the form without `of` for all servers, and otherwise the method of ``AdapterSPI/ForwardingAdapter/base``.
    public func serverSideEmitWithAck(
        _ packet: AdapterSPI.BroadcastPacket, timeout: Duration, of servers: AskedServers
    ) async throws -> [EventArguments] {
        // An adapter that has the form for all servers only need not write this one.
        guard servers != .all else { return try await serverSideEmitWithAck(packet, timeout: timeout) }
        return try await base.serverSideEmitWithAck(packet, timeout: timeout, of: servers)
    }
}
