// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import EngineIOServer
internal import LoopConfinement

/// A packet of a client, as ``EngineIOServer/EngineSession/onPacket(_:)`` tells it.
public enum ClientPacket: Sendable, Equatable {
    /// A message: the text of a Socket.IO packet, or one of its attachments.
    case message(EngineMessage)
    /// The answer to the server's ping.
    case pong
}

/// What applications hear of one connection, beneath its sockets; made with the first listener. Confined to the connection's
/// event loop.
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
/// not block; they may be added from any thread, and stay until the connection ends. Without any, nothing is spent on them.
extension EngineSession {
    /// Hears of every packet of the client, before anything is done with it: messages as they came, and the pongs of the
    /// heartbeat.
    ///
    /// There is no such listener for packets that are sent: most are written to where they leave from, many clients at once.
    /// ``Socket/onAnyOutgoing(_:)`` hears of the events among them.
    public func onPacket(_ listener: @escaping @Sendable (ClientPacket) -> Void) {
        withHooks { $0.packets.append(listener) }
    }

    /// Hears of the change from long-polling to WebSocket. ``Socket/onUpgrade(_:)`` hears of the same.
    public func onUpgrade(_ listener: @escaping @Sendable (TransportName) -> Void) {
        withHooks { $0.upgrades.append(listener) }
    }

    /// Hears when a client that was behind has been sent everything that waited for it. Not called for messages that its transport
    /// took at once.
    public func onDrain(_ listener: @escaping @Sendable () -> Void) {
        withHooks { $0.drains.append(listener) }
    }

    /// Hears of the end of the connection, after its sockets: why it ended, and a description if there is one.
    public func onClose(_ listener: @escaping @Sendable (CloseReason, String?) -> Void) {
        withHooks { $0.closes.append(listener) }
    }

    private func withHooks(_ change: @escaping @Sendable (ConnectionHooks) -> Void) {
        // None any more after the end.
        core.run { ($0.handler as? Client)?.withHooks(change) }
    }
}
