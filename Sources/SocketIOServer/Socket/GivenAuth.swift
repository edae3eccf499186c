// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
package import SocketIOCore

/// What a client gave as `auth` for a namespace, kept as the bytes it sent and decoded each time somebody asks: decoded,
/// JSON takes about twenty times as much memory. An object of its own, because most clients give nothing.
package final class GivenAuth: Sendable {
    private let text: [UInt8]

    /// Copies the text of a JSON object, which has been checked, out of the buffer it was read into. Nil for an empty
    /// object, which is the same as nothing.
    init?(_ text: ByteBuffer) {
        guard text.readableBytes > 2 else { return nil }
        self.text = Array(text.readableBytesView)
    }

    /// The text.
    package var json: RawJSON { RawJSON(validated: ByteBuffer(bytes: text), attachments: []) }

    /// The dynamic form.
    package var value: SocketValue { json.value }

    /// What clients that give nothing have given.
    package static let none = SocketValue.object(SocketObject())
}
