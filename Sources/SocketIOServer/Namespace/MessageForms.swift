// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import SocketIOCore

/// One message for several clients of a loop, in the forms that they read. Each form is made and put aside when it is first asked
/// for, within the tick that it is sent in.
struct MessageForms {
    private let message: OutboundMessage
    private var text: StagedMessage?
    private var packed: StagedMessage?
    private var cannotBePacked = false

    init(_ message: OutboundMessage) {
        self.message = message
    }

    /// The message for a client; nil when it cannot be written in the client's form.
    mutating func staged(isPacked: Bool, _ engine: ShardCore) -> StagedMessage? {
        guard isPacked else {
            if text == nil { text = engine.stage(message) }
            return text
        }
        if packed == nil, !cannotBePacked {
            guard let message = MessagePackEncoder.message(message) else {
                cannotBePacked = true
                return nil
            }
            packed = engine.stage(message)
        }
        return packed
    }
}
