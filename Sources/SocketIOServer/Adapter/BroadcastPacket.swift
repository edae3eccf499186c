// Part of socketio-server, MIT licence; see LICENSE.

package import SocketIOCore

/// One event on its way to many sockets: what adapters hand to each other.
public struct BroadcastPacket: Sendable {
    /// The namespace.
    public let namespace: String
    /// The name of the event.
    public let event: String
    /// The JSON array, name first, and the attachments.
    package let data: EncodedArguments

    package init(namespace: String, event: String, data: EncodedArguments) {
        self.namespace = namespace
        self.event = event
        self.data = data
    }

    /// The arguments as a receiver sees them.
    ///
    /// - Throws: ``JSONError`` when the packet, made by another server, holds no JSON array.
    public func arguments() throws -> EventArguments {
        try data.received(offset: 1)
    }
}
