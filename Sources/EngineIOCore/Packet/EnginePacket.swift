// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore

/// What an Engine.IO `message` packet carries: one text or one binary payload, without the packet type.
///
/// A text payload is valid UTF-8: both transports check it before a message is made.
public enum EngineMessage: Equatable, Sendable {
    /// UTF-8 text.
    case text(ByteBuffer)
    /// Raw bytes.
    case binary(ByteBuffer)

    /// Its bytes, without the type digit.
    package var byteCount: Int {
        switch self {
        case .text(let bytes), .binary(let bytes): bytes.readableBytes
        }
    }
}

/// One Engine.IO packet (protocol 1.7).
package enum EnginePacket: Equatable, Sendable {
    /// `0`: the handshake JSON, server to client.
    case open(ByteBuffer)
    /// `1`: this transport goes away.
    case close
    /// `2`: heartbeat, or `2probe` during an upgrade; the payload is empty for a plain ping.
    case ping(ByteBuffer)
    /// `3`: answer to a ping, with the same payload.
    case pong(ByteBuffer)
    /// `4`: application data, or a binary WebSocket message.
    case message(EngineMessage)
    /// `5`: the client has finished its side of an upgrade.
    case upgrade
    /// `6`: releases a held poll.
    case noop
}
