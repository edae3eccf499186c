// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import LoopConfinement
public import NIOCore
package import SocketIOCore
package import SocketIOServer

/// Where a ``ClusterTransport`` brings the messages for one namespace. Any thread.
public final class ClusterReceiver: Sendable {
    /// The namespace; empty for what servers tell each other about themselves.
    public let namespace: String
    /// This server's name in the namespace, for ``ClusterDestination/server(_:)``.
    public let uid: String

    let local: MemoryAdapter?
    let services: ClusterServices
    private let inlet: LoopBound<Inlet>

    /// The transport outlives what hears with it.
    private final class Inlet {
        weak var listener: (any ClusterListener)?

        init(_ listener: any ClusterListener) { self.listener = listener }
    }

    /// - Parameters:
    ///   - local: This server's sockets of the namespace; nil when it is none.
    ///   - core: What hears the messages, on its event loop.
    init<Core: ClusterListener & SendableMetatype>(
        namespace: String, uid: String, local: MemoryAdapter?, services: ClusterServices, core: LoopBound<Core>
    ) {
        self.namespace = namespace
        self.uid = uid
        self.local = local
        self.services = services
        inlet = LoopBound(with: core) { Inlet($0) }
    }

    /// Whether this server has a socket in the room: a transport that knows the room of a message may ask before it brings it.
    public func hasRoom(_ room: String) -> Bool { local?.hasRoom(room) ?? true }

    /// A message of another server, or of this one. What cannot be understood is counted, logged and dropped.
    public func received(_ bytes: ByteBuffer) {
        do {
            let message = try ClusterWireFormat.decode(bytes, limits: services.configuration)
            guard message.namespace.hasSameBytes(as: namespace) else { return }
            deliver(message)
        } catch {
            dropped("message", error)
        }
    }

    /// A message that has been read.
    package func deliver(_ message: ClusterMessage) {
        guard !message.sender.hasSameBytes(as: uid) else { return }
        inlet.run(message) { $0.listener?.received($1) }
    }

    /// From now on it does not keep what hears the messages alive. On the event loop, before it is given away.
    func settle() { runIfHere { _ in } }

    /// Does something with what hears the messages, if this is its event loop.
    package func runIfHere(_ body: @Sendable (any ClusterListener) -> Void) {
        _ = inlet.runIfHere { if let listener = $0.listener { body(listener) } }
    }

    /// Counts and logs a message that was dropped.
    package func dropped(_ what: String, _ error: any Error) { services.invalid(what, error) }
}

/// What hears the messages of a namespace, on its event loop.
package protocol ClusterListener: AnyObject {
    /// A message of another server. Nothing in it is believed.
    func received(_ message: ClusterMessage)

    /// As a broadcast that ``received(_:)``, in parts that are cheaper: another server has sent one.
    func heardBroadcast(from uid: String)

    /// It is for sockets here.
    func deliver(_ packet: BroadcastPacket, _ options: BroadcastOptions)

    /// The same at its place in the order of all servers; without `isNew` the sockets here have it already.
    func deliver(_ packet: BroadcastPacket, _ options: BroadcastOptions, at position: EventPosition, isNew: Bool)

    /// Events of others have been missed.
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
