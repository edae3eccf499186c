// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
package import NIOCore

/// Writes Socket.IO packets as finished Engine.IO messages (protocol 3.2).
///
/// The WebSocket header, the Engine.IO type `4` and the Socket.IO text go into one buffer, made once however many clients
/// receive it. When the JSON comes with room in front of it, that buffer is the JSON's own.
package enum DefaultEncoder {
    /// An EVENT whose array, name first, is the JSON text `json`; BINARY_EVENT when there are attachments. `json` holds
    /// their placeholders, in the same order.
    package static func event(
        nsp: String, id: Int? = nil, json: consuming ByteBuffer, attachments: [ByteBuffer] = [], compress: Bool = true
    ) -> OutboundMessage {
        let type: SocketPacketType = attachments.isEmpty ? .event : .binaryEvent
        return message(type, nsp: nsp, id: id, json: json, attachments: attachments, compress: compress)
    }

    /// An ACK with the arguments in the JSON array `json`; BINARY_ACK when there are attachments.
    package static func ack(
        nsp: String, id: Int, json: consuming ByteBuffer, attachments: [ByteBuffer] = [], compress: Bool = true
    ) -> OutboundMessage {
        let type: SocketPacketType = attachments.isEmpty ? .ack : .binaryAck
        return message(type, nsp: nsp, id: id, json: json, attachments: attachments, compress: compress)
    }

    /// How many bytes to leave free in front of the JSON (`ArgumentWriter.init(headroom:)`), so that `event` and `ack`
    /// complete the packet where it is and copy nothing.
    package static func headroom(nsp: String) -> Int {
        OutboundPacket.maximumHeaderLength + PacketPrefix.maximumLength(nsp: nsp)
    }

    /// The server's answer to a CONNECT that succeeded: `{"sid":…}`, with `"pid"` and `"offset"` when recovery is on.
    package static func connect(
        nsp: String, sid: String, pid: String? = nil, offset: String? = nil
    ) -> OutboundMessage {
        var json = JSONOutput(capacity: 64)
        json.write("{\"sid\":")
        json.writeString(sid)
        if let pid {
            json.write(",\"pid\":")
            json.writeString(pid)
        }
        if let offset {
            json.write(",\"offset\":")
            json.writeString(offset)
        }
        json.write("}")
        return message(.connect, nsp: nsp, json: json.buffer())
    }

    /// A client's CONNECT; `auth` is the text of a JSON object.
    package static func connect(nsp: String, auth: ByteBuffer? = nil) -> OutboundMessage {
        message(.connect, nsp: nsp, json: auth ?? ByteBuffer())
    }

    /// The refusal of a CONNECT: `{"message":…}`, with `"data"` when `data`, a JSON text, is given.
    package static func connectError(nsp: String, message text: String, data: ByteBuffer? = nil) -> OutboundMessage {
        var json = JSONOutput(capacity: 64)
        json.write("{\"message\":")
        json.writeString(text)
        if let data {
            json.write(",\"data\":")
            json.write(data)
        }
        json.write("}")
        return message(.connectError, nsp: nsp, json: json.buffer())
    }

    /// The refusal of a CONNECT as clients of revision 3 get it: `data`, a JSON text, or else the message as a text.
    package static func legacyConnectError(nsp: String, message text: String, data: ByteBuffer?) -> OutboundMessage {
        if let data { return message(.connectError, nsp: nsp, json: data) }
        var json = JSONOutput(capacity: 64)
        json.writeString(text)
        return message(.connectError, nsp: nsp, json: json.buffer())
    }

    /// A DISCONNECT, which names nothing but the namespace.
    package static func disconnect(nsp: String) -> OutboundMessage {
        message(.disconnect, nsp: nsp, json: ByteBuffer())
    }

    private static func message(
        _ type: SocketPacketType, nsp: String, id: Int? = nil, json: consuming ByteBuffer,
        attachments: [ByteBuffer] = [], compress: Bool = true
    ) -> OutboundMessage {
        let prefix = PacketPrefix(type: type, attachments: attachments.count, nsp: nsp, id: id)
        let head = prefix.packet(before: json)
        return OutboundMessage(head: head, attachments: attachments.map(OutboundPacket.binary), compress: compress)
    }
}
