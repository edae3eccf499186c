// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import Logging
public import NIOCore
public import SocketIOCore

/// Performs the operations of a namespace that concern more than one socket, on this server and on the other servers that the
/// adapter knows (protocol 5.1).
///
/// There is one adapter for each namespace. An adapter for several servers calls the same method of ``AdapterSPI/Context/local``
/// first, which performs the operation for the sockets of this server, and publishes the operation to the others second. A back end
/// that is slow or lost therefore delays nothing on this server. With ``BroadcastFlags/isLocal`` the adapter publishes nothing. It
/// passes what it receives from the others to the same ``AdapterSPI/Context/local``.
///
/// All methods may be called from any thread, also from the event loops of sockets. Those that are not `async` must return at once.
/// They cannot report an error to the caller: the adapter counts and logs what it has not sent. The others throw what the caller of
/// the application's method gets, usually a ``SocketError``.
public protocol Adapter: AnyObject, Sendable {
    /// Connects the adapter to the other servers.
    ///
    /// The server calls this once, in a task of its own and on none of its event loops, as soon as it has made the namespace. Nothing
    /// waits for the method, so it may take as long as it needs. Sockets connect in the meantime, and all other methods may be called
    /// before it returns, even before it begins. The server logs an error and does not call the method again; an adapter that wants to
    /// try again does so inside.
    func start() async throws

    /// Disconnects the adapter from the other servers.
    ///
    /// The server calls this once: when it closes, or for a dynamic namespace when it forgets it
    /// (``ServerConfiguration/cleanupEmptyChildNamespaces``). ``start()`` may still be running, or may not have begun. A server that
    /// closes has disconnected all sockets of the namespace before. It waits until this returns, also for a namespace that it has
    /// forgotten shortly before, so the method needs a time limit of its own. It is called in a task, on none of the server's event
    /// loops.
    func close() async

    /// How many servers take part, this one included: at least 1. A broadcast with acknowledgements asks for it, on the thread of the
    /// caller up to the first suspension, and calls ``broadcastWithAck(_:options:receiver:)`` without waiting for the answer. It waits
    /// for a report of so many servers. If this throws before it suspends, nobody gets the event; if it throws later, only the
    /// acknowledgements are lost.
    func serverCount() async throws -> Int

    /// Sends an event to the sockets that `options` selects. On one event loop the calls come in the order in which the application
    /// sent the events, and the adapter must keep that order.
    func broadcast(_ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions)

    /// Sends an event to the sockets that `options` selects and collects their acknowledgements (protocol 4.7). The calls come in the
    /// same order as those of ``broadcast(_:options:)``, which the adapter should keep for this server's sockets. The adapter must call
    /// `reached` of the receiver once for each server that ``serverCount()`` has counted. The receiver has its own timer.
    func broadcastWithAck(
        _ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions, receiver: any AdapterSPI.AckReceiver)

    /// Makes the sockets that `options` selects join rooms.
    func addSockets(_ options: BroadcastOptions, rooms: [String])

    /// Makes the sockets that `options` selects leave rooms.
    func removeSockets(_ options: BroadcastOptions, rooms: [String])

    /// Disconnects the sockets that `options` selects; with `close`, the whole connections of their clients.
    func disconnectSockets(_ options: BroadcastOptions, close: Bool)

    /// Describes the sockets that `options` selects. `QueryOptions.current` says how long to wait for other servers, and whether a
    /// partial result will do; the same holds for the next four methods.
    func fetchSockets(_ options: BroadcastOptions) async throws -> [SocketDescription]

    /// The ids of the sockets in any of `rooms`, or of all sockets when there are none.
    func sockets(in rooms: NameSet) async throws -> NameSet

    /// The names of all rooms that are not empty, with those that are named after sockets.
    func allRooms() async throws -> NameSet

    /// How many sockets `options` selects.
    func count(_ options: BroadcastOptions) async throws -> Int

    /// How many sockets are in each room that is not empty. Rooms that are named after sockets are left out.
    func countByRoom() async throws -> NameDictionary<Int>

    /// Sends an event to the listeners of the other servers, which ``Namespace/on(_:_:)-swift.method`` adds; never to those of this
    /// server.
    func serverSideEmit(_ packet: AdapterSPI.BroadcastPacket) async throws

    /// As ``serverSideEmit(_:)``; returns one acknowledgement of each other server, or throws when one is missing after `timeout`.
    func serverSideEmitWithAck(_ packet: AdapterSPI.BroadcastPacket, timeout: Duration) async throws
        -> [EventArguments]

    /// The same, but waits only for the servers that `servers` names. The default implementation calls the method above.
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
        /// How long the receiver waits for acknowledgements; it ignores later ones.
        var timeout: Duration { get }

        /// One server has sent the event to this many clients. Called once for each server, also with 0.
        func reached(clients: Int)

        /// The same for a server that tells the ids of the sockets; the caller then learns which of them did not answer. The default
        /// implementation reports their number.
        func reached(socketIDs: [String])

        /// One client has answered. `socketID` is nil when its server does not tell the id.
        func acknowledged(_ arguments: EventArguments, socketID: String?)

        /// A client that the event has reached has disconnected without an answer.
        func disconnected(socketID: String)
    }
}

extension AdapterSPI.AckReceiver {
    /// Reports the number.
    public func reached(socketIDs: [String]) { reached(clients: socketIDs.count) }
}

extension AdapterSPI {
    /// What the server gives to an adapter when it makes one, see ``ServerConfiguration/adapter``. A value, which any thread may use.
    public struct Context: Sendable {
        /// The namespace's name.
        public let namespace: String
        /// Performs each operation for the sockets of this server.
        public let local: MemoryAdapter
        /// The logger of the namespace.
        public let logger: Logger
        /// An event loop that the adapter may use: one of those on which sockets live, so nothing may block it.
        public let eventLoop: any EventLoop
        /// The four characters with which the session ids of this server begin.
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

        /// Passes an event that another server has sent with ``Adapter/serverSideEmit(_:)`` to the listeners of this one. They
        /// begin within this call, on the calling thread.
        ///
        /// - Parameter answer: Called with the first answer of a listener, or never if none answers: the adapter has to keep the time.
        /// - Throws: An error for a packet whose arguments cannot be read.
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
