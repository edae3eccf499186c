// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
package import SocketIOCore

/// The `auth` that a client sent for a namespace, stored as the bytes it sent and decoded at each access: decoded JSON
/// takes about twenty times as much memory. A separate object, because most clients send none.
package final class GivenAuth: Sendable {
    private let text: [UInt8]

    /// Copies the text of a JSON object, which has been checked, out of the buffer it was read into. Nil for an empty
    /// object, which means no `auth`.
    init?(_ text: ByteBuffer) {
        guard text.readableBytes > 2 else { return nil }
        self.text = Array(text.readableBytesView)
    }

    /// The text.
    package var json: RawJSON { RawJSON(validated: ByteBuffer(bytes: text), attachments: []) }

    /// The dynamic form.
    package var value: SocketValue { json.value }

    /// The value for clients that send no `auth`.
    package static let none = SocketValue.object(SocketObject())
}
