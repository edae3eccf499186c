// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import SocketIOCore

/// One message for several clients of a loop, in the forms that they read. Each form is made when the first client needs it, and kept
/// until the end of the tick.
struct MessageForms {
    enum Form: UInt8 {
        case usual
        /// MessagePack.
        case packed
        /// For clients of revision 3 where the others get the offset of each event.
        case withoutOffset
    }

    private let message: OutboundMessage
    private let packet: BroadcastPacket
    private var usual: StagedMessage?
    private var packed: StagedMessage?
    private var withoutOffset: StagedMessage?
    private var cannotBePacked = false

    init(_ message: OutboundMessage, _ packet: BroadcastPacket) {
        self.message = message
        self.packet = packet
    }

    /// The message for a client; nil when it cannot be written in the client's form.
    mutating func staged(_ form: Form, _ engine: ShardCore) -> StagedMessage? {
        switch form {
        case .usual:
            if usual == nil { usual = engine.stage(message) }
            return usual
        case .packed:
            if packed == nil, !cannotBePacked {
                guard let message = MessagePackEncoder.message(message) else {
                    cannotBePacked = true
                    return nil
                }
                packed = engine.stage(message)
            }
            return packed
        case .withoutOffset:
            if withoutOffset == nil {
                let event = DefaultEncoder.event(
                    nsp: packet.namespace, json: packet.data.json, attachments: packet.data.attachments,
                    compress: message.compress)
                var other = message
                (other.head, other.attachments) = (event.head, event.attachments)
                withoutOffset = engine.stage(other)
            }
            return withoutOffset
        }
    }
}
