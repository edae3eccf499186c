// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
public import NIOCore
package import SocketIOCore
package import SocketIOServer

/// Receives the messages of one namespace from a ``ClusterTransport``, which keeps it from ``ClusterTransport/subscribe(_:_:)`` to
/// ``ClusterTransport/unsubscribe(_:)``. All methods may be called from any thread and return at once.
public final class ClusterReceiver: Sendable {
    /// The namespace; empty for the messages of servers about themselves.
    public let namespace: String
    /// This server's name in the namespace, for ``ClusterDestination/server(_:)``: at most 16 of the characters
    /// `A`–`Z`, `a`–`z`, `0`–`9`, `_` and `-`, chosen at random.
    public let uid: String

    package let local: MemoryAdapter?
    let services: ClusterServices
    private let weakListener: LoopBound<WeakListener>

    /// Refers weakly to the listener, because the transport may outlive it.
    private final class WeakListener {
        weak var listener: (any ClusterListener)?

        init(_ listener: any ClusterListener) { self.listener = listener }
    }

    /// - Parameters:
    ///   - local: This server's sockets of the namespace; nil when the receiver is for no namespace.
    ///   - core: The listener, which receives the messages on its event loop.
    init<Core: ClusterListener & SendableMetatype>(
        namespace: String, uid: String, local: MemoryAdapter?, services: ClusterServices, core: LoopBound<Core>
    ) {
        self.namespace = namespace
        self.uid = uid
        self.local = local
        self.services = services
        weakListener = LoopBound(with: core) { WeakListener($0) }
    }

    /// Whether this server has a socket in the room; always true when ``namespace`` is empty. A transport that knows the room of a
    /// message may ask this, and drop the message when the answer is no.
    public func hasRoom(_ room: String) -> Bool { local?.hasRoom(room) ?? true }

    /// Takes a message that another server, or this one, has published in ``namespace``. Call it in the order in which the messages
    /// arrive. A message that cannot be decoded, or is over a limit of ``ClusterConfiguration``, is counted
    /// (``ClusterStatistics/invalid``), logged at most once a second, and dropped.
    public func received(_ bytes: ByteBuffer) {
        do {
            let message = try ClusterWireFormat.decode(bytes, limits: services.configuration)
            guard message.namespace.hasSameBytes(as: namespace) else { return }
            deliver(message)
        } catch {
            dropped("message", error)
        }
    }

    /// Takes a message that has been decoded.
    package func deliver(_ message: ClusterMessage) {
        guard !message.sender.hasSameBytes(as: uid) else { return }
        weakListener.run(message) { $0.listener?.received($1) }
    }

    /// Makes the reference to the listener weak. On the event loop, before the receiver is given to a transport.
    func settle() { runIfHere { _ in } }

    /// Runs `body` with the listener when called on its event loop.
    package func runIfHere(_ body: @Sendable (any ClusterListener) -> Void) {
        _ = weakListener.runIfHere { if let listener = $0.listener { body(listener) } }
    }

    /// Counts and logs a message that was dropped.
    package func dropped(_ what: String, _ error: any Error) { services.invalid(what, error) }
}

/// Receives the messages of a namespace, on its event loop.
package protocol ClusterListener: AnyObject {
    /// A message of another server. Everything in it must be checked.
    func received(_ message: ClusterMessage)

    /// Another server has sent a broadcast. With ``deliver(_:_:)`` this does the same as ``received(_:)``, but costs
    /// less.
    func heardBroadcast(from uid: String)

    /// Delivers the broadcast to sockets of this server.
    func deliver(_ packet: BroadcastPacket, _ options: BroadcastOptions)

    /// Delivers the broadcast at its place in the order of all servers. Without `isNew`, the sockets here have it
    /// already.
    func deliver(_ packet: BroadcastPacket, _ options: BroadcastOptions, at position: EventPosition, isNew: Bool)

    /// Messages of other servers have been missed.
    func noteGap()
}

extension ClusterListener {
    package func heardBroadcast(from uid: String) {}
    package func deliver(_ packet: BroadcastPacket, _ options: BroadcastOptions) {}
    package func deliver(
        _ packet: BroadcastPacket, _ options: BroadcastOptions, at position: EventPosition, isNew: Bool
    ) { deliver(packet, options) }
    package func noteGap() {}
}
