// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import SocketIOCore
package import SocketIOServer

/// The connection to the other servers, as ``ClusterAdapter`` and the directory of servers use it. It sends messages
/// instead of the bytes of a ``ClusterTransport``, and has some members for facts that only some back ends know.
///
/// ``TransportBackend`` implements it for any transport and a ``ClusterWireFormat``. A back end whose wire format is
/// not just bytes, or that knows more, implements it itself. From any thread, unless a member says otherwise.
package protocol ClusterBackend: AnyObject, Sendable {
    var eventLoop: any EventLoop { get }

    /// The current status.
    var status: ClusterStatus { get }

    /// Begins to connect.
    func start(_ statusChanged: @escaping @Sendable (ClusterStatus) -> Void)

    /// Fails the operations that wait, and closes the connections.
    func close() async

    /// The channel of a namespace; the empty namespace is for the messages of servers about themselves. Called once for
    /// each.
    ///
    /// - Parameter uid: This server's name in the namespace.
    func channel(namespace: String, uid: String) -> any ClusterChannel

    /// Whether calls that can throw do so while the others cannot be reached.
    var failsWhenDown: Bool { get }

    /// Whether all servers, also those of other kinds, understand the questions ``ClusterRequestType/sockets`` and
    /// ``ClusterRequestType/allRooms``.
    var asksForNames: Bool { get }

    /// Whether, and how, the back end gives the events of a namespace one order on all servers and keeps its sessions
    /// for all of them; nil when it does neither. Called once for a namespace, when sessions can be continued.
    func sessionStore(of namespace: String, local: MemoryAdapter) -> (any SessionStore)?

    /// The histories of rooms that all servers share; nil when there are none. Called once for a namespace, when rooms may
    /// have histories.
    func roomHistory() -> (any RoomHistory)?
    /// Why there are no histories of rooms, with the setting that decides it; nil when there is nothing to say.
    var historyRefusal: String? { get }

    // The following members are called on the event loop.

    /// Whether the messages of other servers arrive here.
    var hearsOthers: Bool { get }

    /// Whether a message sent now arrives after all messages sent before it, or not at all.
    var isOrderKept: Bool { get }

    /// The address of this machine on the connection to the others; nil when there is none.
    var localAddress: String? { get }

    /// A heartbeat has been sent. The back end may use this for its own regular checks.
    func heartbeatSent()

    /// How many servers of this kind are known, this one included.
    func knows(servers: Int)

    /// A message that this server sent to itself has come back.
    func heardEcho(_ number: UInt64)

    /// Finds out which servers listen: how many to a namespace, if one is given, and which of `nodes` to the channel of
    /// its own.
    func listeners(in namespace: String?, nodes: [String], _ done: ClusterCallback<ClusterListeners>)
}

extension ClusterBackend {
    package func sessionStore(of namespace: String, local: MemoryAdapter) -> (any SessionStore)? { nil }
    package func roomHistory() -> (any RoomHistory)? { nil }
    package var historyRefusal: String? { nil }
    package var failsWhenDown: Bool { false }
    package var asksForNames: Bool { false }
    package var hearsOthers: Bool { true }
    package var isOrderKept: Bool { false }
    package var localAddress: String? { nil }
    package func heartbeatSent() {}
    package func knows(servers: Int) {}
    package func heardEcho(_ number: UInt64) {}
}

/// Which servers listen, see ``ClusterBackend/listeners(in:nodes:_:)``.
package struct ClusterListeners: Sendable {
    /// Servers that listen to the namespace, this one included.
    package var servers: Int
    /// Whether each of the nodes listens; nil when that is not known.
    package var nodes: [Bool]?

    package init(servers: Int, nodes: [Bool]?) {
        self.servers = servers
        self.nodes = nodes
    }
}

/// The connection to the servers with a namespace. From any thread, unless a member says otherwise.
package protocol ClusterChannel: AnyObject, Sendable {
    /// Subscribes. On the event loop. The caller then calls ``settled(isOpen:)``.
    func subscribe(_ receiver: ClusterReceiver, _ done: ClusterCallback<Void>)

    /// The others have been told what they need to know after a subscription. On the event loop.
    ///
    /// - Parameter isOpen: Whether ``unsubscribe(_:)`` has not been called in the meantime.
    func settled(isOpen: Bool)

    /// Ends the subscription. On the event loop.
    func unsubscribe(_ receiver: ClusterReceiver)

    /// Publishes a broadcast that asks for no acknowledgement.
    ///
    /// - Throws: An encoding error. A message that cannot be sent is counted and logged.
    func publish(_ packet: BroadcastPacket, _ options: BroadcastOptions) throws

    /// Publishes a broadcast in the order of all servers. It is delivered here at its place in that order.
    ///
    /// - Parameter deliver: Called instead when the broadcast gets no place, or not soon, because the others cannot be
    ///   reached.
    /// - Throws: An encoding error, or an error for a broadcast that is too large. Then `deliver` is not called.
    func publishInOrder(
        _ packet: BroadcastPacket, _ options: BroadcastOptions, deliver: @escaping @Sendable () -> Void) throws

    /// The same for a request that expects no answer.
    func publishInOrder(_ request: ClusterRequest, deliver: @escaping @Sendable () -> Void) throws

    /// Publishes any other message.
    ///
    /// - Parameters:
    ///   - isForPeer: Whether the message is for a server that is known to be of this kind.
    ///   - done: Called with the result.
    /// - Throws: An encoding error; ``ClusterError`` with code `oversized` for a response or a `serverSideEmit`.
    func publish(
        _ content: ClusterMessage.Content, to destination: ClusterDestination, isForPeer: Bool,
        _ done: ClusterCallback<Void>?) throws

    /// How many servers listen, this one included.
    func countServers(_ done: ClusterCallback<Int>)

    /// How many broadcasts have been published so far, in the order in which they leave.
    var broadcasts: UInt64 { get }
}

extension ClusterChannel {
    package func publishInOrder(
        _ packet: BroadcastPacket, _ options: BroadcastOptions, deliver: @escaping @Sendable () -> Void
    ) throws {
        deliver()
        try publish(packet, options)
    }

    package func publishInOrder(_ request: ClusterRequest, deliver: @escaping @Sendable () -> Void) throws {
        deliver()
        try publish(.request(request), to: .everyone, isForPeer: false, nil)
    }

    package func settled(isOpen: Bool) {}
}
