// Part of socketio-server, MIT licence; see LICENSE.

/// How the packets of clients are written (protocol 3.11). Both ends have to agree; the handshake does not tell.
public enum PacketParser: String, Sendable, Codable, Hashable, CaseIterable {
    /// JSON text, with byte strings in messages of their own: what clients do unless they are told otherwise.
    case `default`
    /// MessagePack: each packet is one binary message. Clients need `socket.io-msgpack-parser`, or `serializer="msgpack"` in
    /// python-socketio.
    case msgpack
    /// Either, for each client: what its first message is written in.
    case auto
}
