// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import NIOCore

/// One decoded Socket.IO packet with its attachments in place (protocol 3.1).
package struct SocketPacket: Sendable, Equatable {
    package enum Body: Sendable, Equatable {
        /// The text of a JSON object, or nil when the packet carried none.
        case connect(ByteBuffer?)
        case disconnect
        /// EVENT or BINARY_EVENT: at least a name, which is a number or a string that is not reserved.
        case event(PacketPayload)
        /// ACK or BINARY_ACK. Without an id it belongs to nothing and is ignored.
        case ack(PacketPayload)
        /// The text of a JSON string or object, or nil when the packet carried none.
        case connectError(ByteBuffer?)
    }

    /// The namespace, with its leading slash; anything after a `?` is left in.
    package var nsp: String
    /// The acknowledgement id, from 0 to 2^53 - 1.
    package var id: Int?
    /// The name of an EVENT, if it is short and stands there as it is. Nil otherwise, when the body tells.
    package var shortName: ShortName?
    package var body: Body

    package init(nsp: String = SocketPacket.mainNamespace, id: Int? = nil, shortName: ShortName? = nil, body: Body) {
        self.nsp = nsp
        self.id = id
        self.shortName = shortName
        self.body = body
    }

    /// Whether it is an EVENT or BINARY_EVENT.
    package var isEvent: Bool { if case .event = body { true } else { false } }

    /// Moves the body out, which counts no references.
    package mutating func takeBody() -> Body { exchange(&body, with: .disconnect) }

    /// The namespace that is not written on the wire.
    package static let mainNamespace = "/"

    /// Whether the packet has this type.
    package static func isMain(_ nsp: String) -> Bool { nsp.hasSameBytes(as: mainNamespace) }
}
