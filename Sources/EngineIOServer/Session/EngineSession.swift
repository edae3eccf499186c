// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
package import LoopConfinement
public import NIOCore
internal import Synchronization

/// One client of the engine: it has an id, exactly one current transport, and survives a change of transport and
/// nothing else (protocol 1.1).
///
/// A handle that may be used from any thread and kept as long as wanted.
public final class EngineSession: Sendable {
    // What `state` is made of.
    private static let isOnWebSocket: UInt8 = 1
    private static let isUpgraded: UInt8 = 2
    private static let isClosed: UInt8 = 4
    private static let isOfRevision3: UInt8 = 8

    /// The session id. It authorises the requests of this session: a secret, never to be logged or shown to others.
    public var id: String { storedID.text }
    let storedID: StoredSessionID
    /// What logs may show of the id.
    package var shortenedID: String { LogText.shortened(id) }
    /// The request that opened the session.
    public let handshake: HandshakeInfo
    /// What lives on the session's event loop.
    package let core: LoopReference<SessionCore>
    private let state: Atomic<UInt8>
    /// The revision of the protocol that the client speaks: 4, or 3 for clients of version 1 and 2.
    public var protocolRevision: Int { has(Self.isOfRevision3) ? 3 : 4 }

    init(
        id: StoredSessionID, handshake: HandshakeInfo, transport: TransportName, isRevision3: Bool,
        core: LoopReference<SessionCore>
    ) {
        self.storedID = id
        self.handshake = handshake
        self.core = core
        self.state = Atomic(
            (transport == .websocket ? Self.isOnWebSocket : 0) | (isRevision3 ? Self.isOfRevision3 : 0))
    }

    /// The home event loop; everything of the session happens there.
    public var eventLoop: any EventLoop { core.eventLoop }

    /// The transport at this moment.
    public var transport: TransportName { has(Self.isOnWebSocket) ? .websocket : .polling }

    /// Whether the session has moved from long-polling to WebSocket.
    public var upgraded: Bool { has(Self.isUpgraded) }

    /// Whether messages can be sent and are received: not closed, and no close has been asked for.
    public var isOpen: Bool { !has(Self.isClosed) }

    /// Whether a message sent now would leave at once (protocol 4.9): nothing waits, and the transport is neither busy with
    /// earlier messages nor without a poll. The event loop is asked.
    public var isWritable: Bool { get async { await core.get(\.isWritable) } }

    /// Queues a message; dropped silently unless the session is open. At once on the loop, from other threads in order.
    package func send(_ message: OutboundMessage) {
        if core.runIfHere({ $0.send(message) }) == nil { core.run { $0.sendFromElsewhere(message) } }
    }

    /// Closes the session with `forced close`; does nothing when it is closed or closing.
    /// - Parameter discard: gives up what still waits to be sent. Otherwise that is delivered first, for which a polling
    ///   client gets 30 s.
    public func close(discard: Bool = false) { core.run { $0.close(discard: discard) } }

    // MARK: What the core tells

    func noteUpgraded() { state.bitwiseOr(Self.isOnWebSocket | Self.isUpgraded, ordering: .releasing) }

    func noteClosed() { state.bitwiseOr(Self.isClosed, ordering: .releasing) }

    private func has(_ flag: UInt8) -> Bool { state.load(ordering: .acquiring) & flag != 0 }
}
