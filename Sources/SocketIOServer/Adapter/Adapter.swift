// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import Logging
public import NIOCore
public import SocketIOCore

/// Delivers what a namespace sends to more than one socket, on this server and on the other servers that the adapter
/// knows (protocol 5.1).
///
/// There is one adapter per namespace. An adapter for several servers acts on ``AdapterSPI/Context/local`` first, which is
/// this server's part of everything, and tells the others second: a backend that is slow or lost delays nothing here.
/// With ``BroadcastFlags/isLocal`` it tells nobody. It passes what it receives from the others to the same
/// ``AdapterSPI/Context/local``.
///
/// All methods may be called from any thread. Errors of ``start()`` and ``close()`` are logged by the caller.
public protocol Adapter: AnyObject, Sendable {
    /// Called once, before or while the first socket connects.
    func start() async throws

    /// Called once, when the namespace is forgotten or the server closes.
    func close() async

    /// How many servers take part, this one included.
    func serverCount() async throws -> Int

    /// Sends an event to the sockets that `options` selects.
    func broadcast(_ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions)

    /// Sends an event to the sockets that `options` selects and collects their acknowledgements. The adapter must call `reached` of the
    /// receiver once for each of ``serverCount()`` servers; the receiver keeps the time itself.
    func broadcastWithAck(
        _ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions, receiver: any AdapterSPI.AckReceiver)

    /// Makes the sockets that `options` selects join rooms.
    func addSockets(_ options: BroadcastOptions, rooms: [String])

    /// Makes the sockets that `options` selects leave rooms.
    func removeSockets(_ options: BroadcastOptions, rooms: [String])

    /// Disconnects the sockets that `options` selects; with `close` their whole client.
    func disconnectSockets(_ options: BroadcastOptions, close: Bool)

    /// Describes the sockets that `options` selects.
    func fetchSockets(_ options: BroadcastOptions) async throws -> [SocketDescription]

    /// The ids of the sockets in any of `rooms`, or of all sockets when there are none.
    func sockets(in rooms: NameSet) async throws -> NameSet

    /// The names of all rooms that are not empty.
    func allRooms() async throws -> NameSet

    /// How many sockets `options` selects.
    func count(_ options: BroadcastOptions) async throws -> Int

    /// How many sockets are in each room that is not empty, the rooms that sockets have to themselves left out.
    func countByRoom() async throws -> NameDictionary<Int>

    /// Sends an event to the other servers, where ``Namespace/on(_:_:)-swift.method`` listens.
    func serverSideEmit(_ packet: AdapterSPI.BroadcastPacket) async throws

    /// As ``serverSideEmit(_:)``; returns one acknowledgement of each other server.
    func serverSideEmitWithAck(_ packet: AdapterSPI.BroadcastPacket, timeout: Duration) async throws
        -> [EventArguments]

    /// The same, of some servers only.
    func serverSideEmitWithAck(
        _ packet: AdapterSPI.BroadcastPacket, timeout: Duration, of servers: AskedServers
    ) async throws -> [EventArguments]
}

extension Adapter {
    /// Counts what ``fetchSockets(_:)`` returns.
    public func count(_ options: BroadcastOptions) async throws -> Int {
        try await fetchSockets(options).count
    }

    /// Counts what ``fetchSockets(_:)`` returns.
    public func countByRoom() async throws -> NameDictionary<Int> {
        var counts: NameDictionary<Int> = [:]
        for socket in try await fetchSockets(BroadcastOptions()) {
            for room in socket.rooms where !room.hasSameBytes(as: socket.id) { counts[room, default: 0] += 1 }
        }
        return counts
    }
}

extension AdapterSPI {
    /// Collects the acknowledgements of a broadcast. All methods may be called from any thread, in any order.
    public protocol AckReceiver: AnyObject, Sendable {
        /// How long acknowledgements are of use.
        var timeout: Duration { get }

        /// One server has sent the event to this many clients.
        func reached(clients: Int)

        /// The same for a server that tells the sockets' ids. The default implementation reports their number.
        func reached(socketIDs: [String])

        /// One client has answered. `socketID` is nil when it belongs to a server that does not tell.
        func acknowledged(_ arguments: EventArguments, socketID: String?)

        /// A client that was reached has disconnected without an answer.
        func disconnected(socketID: String)
    }
}

extension AdapterSPI.AckReceiver {
    /// Reports the number.
    public func reached(socketIDs: [String]) { reached(clients: socketIDs.count) }
}

extension AdapterSPI {
    /// What the server gives to an adapter when it makes one.
    public struct Context: Sendable {
        /// The namespace's name.
        public let namespace: String
        /// This server's own part: all delivery to sockets connected here.
        public let local: MemoryAdapter
        /// The logger of the namespace.
        public let logger: Logger
        /// An event loop that the adapter may use.
        public let eventLoop: any EventLoop
        /// The four characters this server's session ids begin with.
        public let nodeTag: String

        /// Exchanges the rates that users of this server have used with the other servers.
        package let rates: RateBook

        private let serverEvents: ServerEvents

        init(
            namespace: String, local: MemoryAdapter, logger: Logger, eventLoop: any EventLoop, nodeTag: String,
            rates: RateBook, serverEvents: ServerEvents
        ) {
            self.rates = rates
            self.namespace = namespace
            self.local = local
            self.logger = logger
            self.eventLoop = eventLoop
            self.nodeTag = nodeTag
            self.serverEvents = serverEvents
        }

        /// Hands an event of another server (``Adapter/serverSideEmit(_:)``) to the listeners of this one.
        ///
        /// `answer` is called at most once, if a listener answers.
        public func receive(
            _ packet: AdapterSPI.BroadcastPacket, answer: (@Sendable (Result<EventArguments, any Error>) -> Void)? = nil
        ) throws {
            let arguments = try packet.arguments()
            serverEvents.deliver(packet.event, arguments, answer: answer)
        }
    }
}

/// A socket as other servers may see it.
public struct SocketDescription: Sendable {
    /// The socket's id.
    public let id: String
    /// Its handshake.
    public let handshake: Handshake
    /// Its rooms.
    public let rooms: NameSet
    /// Its ``Socket/data``.
    public let data: SocketValue

    /// Describes a socket of another server.
    public init(id: String, handshake: Handshake, rooms: NameSet, data: SocketValue) {
        self.id = id
        self.handshake = handshake
        self.rooms = rooms
        self.data = data
    }
}
