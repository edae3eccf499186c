// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import SocketIOCore
package import SocketIOServer

/// The way to the other servers, as ``ClusterAdapter`` and the directory of servers use it: messages instead of the bytes of a
/// ``ClusterTransport``, and what only some back ends know.
///
/// ``TransportBackend`` makes one of any transport and a ``ClusterWireFormat``. A back end whose wire format is not just bytes, or
/// that knows more, implements this. From any thread, unless a member says otherwise.
package protocol ClusterBackend: AnyObject, Sendable {
    var eventLoop: any EventLoop { get }

    /// The state of the moment.
    var status: ClusterStatus { get }

    /// Begins to connect.
    func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void)

    /// Fails what waits, and ends the connections.
    func close() async

    /// The way to the servers with a namespace, which is empty for what servers tell each other about themselves. Once for each.
    ///
    /// - Parameter uid: This server's name there.
    func channel(namespace: String, uid: String) -> any ClusterChannel

    /// Whether calls that can throw are to do so while the others cannot be reached.
    var failsWhenDown: Bool { get }

    /// Whether the questions ``ClusterRequestType/sockets`` and ``ClusterRequestType/allRooms`` are understood by all servers, of
    /// other kinds too.
    var asksForNames: Bool { get }

    /// Gives the events of a namespace one order at all servers, and keeps its sessions for all of them; nil when the back end
    /// does neither. Asked once for a namespace, when sessions can be continued.
    func sessionStore(of namespace: String, local: MemoryAdapter) -> (any SessionStore)?

    // What follows is called on the event loop.

    /// Whether what others send arrives here.
    var hearsOthers: Bool { get }

    /// Whether what is sent now arrives after everything sent before it, or not at all.
    var isOrderKept: Bool { get }

    /// The address of this machine on the connection to the others; nil when there is none.
    var localAddress: String? { get }

    /// A heartbeat has been sent: time for what is to be looked at now and then.
    func heartbeatSent()

    /// So many servers of this kind are known, this one included.
    func knows(servers: Int)

    /// A message that this server sent to itself has come back.
    func heardEcho(_ number: UInt64)

    /// Looks who listens: how many servers to a namespace, if one is given, and which of these to what is for each of them alone.
    func listeners(in namespace: String?, nodes: [String], _ done: ClusterCallback<ClusterListeners>)
}

extension ClusterBackend {
    package func sessionStore(of namespace: String, local: MemoryAdapter) -> (any SessionStore)? { nil }
    package var failsWhenDown: Bool { false }
    package var asksForNames: Bool { false }
    package var hearsOthers: Bool { true }
    package var isOrderKept: Bool { false }
    package var localAddress: String? { nil }
    package func heartbeatSent() {}
    package func knows(servers: Int) {}
    package func heardEcho(_ number: UInt64) {}
}

/// Who listens, see ``ClusterBackend/listeners(in:nodes:_:)``.
package struct ClusterListeners: Sendable {
    /// Servers that listen to the namespace, this one included.
    package var servers: Int
    /// For each of the nodes whether it listens; nil when that is not known.
    package var nodes: [Bool]?

    package init(servers: Int, nodes: [Bool]?) {
        self.servers = servers
        self.nodes = nodes
    }
}

/// The way to the servers with a namespace. From any thread, unless a member says otherwise.
package protocol ClusterChannel: AnyObject, Sendable {
    /// Subscribes. On the event loop; ``settled(isOpen:)`` is to follow.
    func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>)

    /// What had to be told the others after subscribing has been told. On the event loop.
    ///
    /// - Parameter isOpen: Whether there has been no ``unsubscribe(_:)`` meanwhile.
    func settled(isOpen: Bool)

    /// On the event loop.
    func unsubscribe(_ receiver: ClusterReceiver)

    /// Publishes a broadcast that wants no acknowledgement.
    ///
    /// - Throws: What cannot be encoded. What cannot be sent is counted and logged.
    func publish(_ packet: BroadcastPacket, _ options: BroadcastOptions) throws

    /// Publishes a broadcast in the order of all servers.
    ///
    /// - Parameters:
    ///   - isDelivered: Whether it has been delivered here already; otherwise that is done at its place in the order.
    ///   - lost: Called if it certainly gets no place.
    /// - Throws: What cannot be encoded, or is too large.
    func publishInOrder(
        _ packet: BroadcastPacket, _ options: BroadcastOptions, isDelivered: Bool, lost: @escaping @Sendable () -> Void
    ) throws

    /// The same for a request that wants no answer.
    func publishInOrder(
        _ request: ClusterRequest, isDelivered: Bool, lost: @escaping @Sendable () -> Void) throws

    /// Publishes anything else.
    ///
    /// - Parameters:
    ///   - isForPeer: Whether the server it is for is known to be of this kind.
    ///   - done: Told what became of it.
    /// - Throws: What cannot be encoded; ``ClusterError`` with code `oversized` for a response or a `serverSideEmit`.
    func publish(
        _ content: ClusterMessage.Content, to destination: ClusterDestination, isForPeer: Bool,
        _ done: ClusterCallback<Void>?) throws

    /// How many servers listen, this one included.
    func countServers(_ done: ClusterCallback<Int>)

    /// Broadcasts published so far, in the order they leave.
    var broadcasts: UInt64 { get }
}

extension ClusterChannel {
    package func publishInOrder(
        _ packet: BroadcastPacket, _ options: BroadcastOptions, isDelivered: Bool, lost: @escaping @Sendable () -> Void
    ) throws {
        try publish(packet, options)
    }

    package func publishInOrder(
        _ request: ClusterRequest, isDelivered: Bool, lost: @escaping @Sendable () -> Void
    ) throws {
        try publish(.request(request), to: .everyone, isForPeer: false, nil)
    }

    package func settled(isOpen: Bool) {}
}
