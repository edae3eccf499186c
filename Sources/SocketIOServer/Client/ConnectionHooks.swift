// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import EngineIOServer
internal import LoopConfinement

/// A packet that a client has sent, see ``EngineIOServer/EngineSession/onPacket(_:)``.
public enum ClientPacket: Sendable, Equatable {
    /// A message: the text of a Socket.IO packet, or one of its attachments.
    case message(EngineMessage)
    /// The answer to the server's ping.
    case pong
}

/// The listeners of one connection; made with the first of them. Confined to the connection's event loop.
final class ConnectionHooks {
    var packets: [@Sendable (ClientPacket) -> Void] = []
    var upgrades: [@Sendable (TransportName) -> Void] = []
    var drains: [@Sendable () -> Void] = []
    var closes: [@Sendable (CloseReason, String?) -> Void] = []

    func received(_ packet: ClientPacket) {
        for listener in packets { listener(packet) }
    }
}

/// The events of `socket.conn`, the connection that the sockets of a client share. Listeners run on its event loop, so they must
/// not block. They may be added from any thread, and stay until the connection ends. A connection without listeners has no cost for
/// them.
extension EngineSession {
    /// Calls `listener` with every packet of the client before the server handles it: messages, undecoded, and the pongs of the
    /// heartbeat.
    ///
    /// There is no such listener for packets that the server sends, because it writes most of them directly into the memory from
    /// which they leave, for many clients at once. ``Socket/onAnyOutgoing(_:)`` reports the events among them.
    public func onPacket(_ listener: @escaping @Sendable (ClientPacket) -> Void) {
        withHooks { $0.packets.append(listener) }
    }

    /// Calls `listener` when the client changes from long-polling to WebSocket, as ``Socket/onUpgrade(_:)`` does.
    public func onUpgrade(_ listener: @escaping @Sendable (TransportName) -> Void) {
        withHooks { $0.upgrades.append(listener) }
    }

    /// Calls `listener` when a client for which messages were queued has been sent all of them. Not called for messages that the
    /// transport took at once.
    public func onDrain(_ listener: @escaping @Sendable () -> Void) {
        withHooks { $0.drains.append(listener) }
    }

    /// Calls `listener` when the connection has ended, after its sockets, with the reason and a description or nil.
    public func onClose(_ listener: @escaping @Sendable (CloseReason, String?) -> Void) {
        withHooks { $0.closes.append(listener) }
    }

    private func withHooks(_ change: @escaping @Sendable (ConnectionHooks) -> Void) {
        // None any more after the end.
        core.run { ($0.handler as? Client)?.withHooks(change) }
    }
}
