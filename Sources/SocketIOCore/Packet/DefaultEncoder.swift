// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
package import NIOCore

/// Writes Socket.IO packets as finished Engine.IO messages (spec 3.2).
///
/// The WebSocket header, the Engine.IO type `4` and the Socket.IO text go into one buffer, made once however many clients
/// receive it.
package enum DefaultEncoder {
    /// An EVENT whose array, name first, is the JSON text `json`; BINARY_EVENT when there are attachments. `json` holds
    /// their placeholders, in the same order.
    package static func event(
        nsp: String, id: Int? = nil, json: ByteBuffer, attachments: [ByteBuffer] = [], compress: Bool = true
    ) -> OutboundMessage {
        let type: SocketPacketType = attachments.isEmpty ? .event : .binaryEvent
        return message(type, nsp: nsp, id: id, json: json, attachments: attachments, compress: compress)
    }

    /// An ACK with the arguments in the JSON array `json`; BINARY_ACK when there are attachments.
    package static func ack(
        nsp: String, id: Int, json: ByteBuffer, attachments: [ByteBuffer] = [], compress: Bool = true
    ) -> OutboundMessage {
        let type: SocketPacketType = attachments.isEmpty ? .ack : .binaryAck
        return message(type, nsp: nsp, id: id, json: json, attachments: attachments, compress: compress)
    }

    /// An EVENT whose JSON array is written straight into the packet. `write` appends the array and returns the
    /// attachments it replaced by placeholders. Saves a copy of the text.
    package static func event(
        nsp: String, id: Int? = nil, compress: Bool = true, expectedLength: Int = 128,
        write: (inout ByteBuffer) throws -> [ByteBuffer]
    ) rethrows -> OutboundMessage {
        try message(
            .event, binary: .binaryEvent, nsp: nsp, id: id, compress: compress, expectedLength: expectedLength,
            write: write)
    }

    /// An ACK whose JSON array is written straight into the packet, as for `event`.
    package static func ack(
        nsp: String, id: Int, compress: Bool = true, expectedLength: Int = 128,
        write: (inout ByteBuffer) throws -> [ByteBuffer]
    ) rethrows -> OutboundMessage {
        try message(
            .ack, binary: .binaryAck, nsp: nsp, id: id, compress: compress, expectedLength: expectedLength,
            write: write)
    }

    /// The server's answer to a CONNECT that succeeded: `{"sid":…}`, with `"pid"` when recovery is on.
    package static func connect(nsp: String, sid: String, pid: String? = nil) -> OutboundMessage {
        var json = ByteBuffer()
        json.writeStaticString("{\"sid\":")
        json.writeJSONString(sid)
        if let pid {
            json.writeStaticString(",\"pid\":")
            json.writeJSONString(pid)
        }
        json.writeStaticString("}")
        return message(.connect, nsp: nsp, json: json)
    }

    /// A client's CONNECT; `auth` is the text of a JSON object.
    package static func connect(nsp: String, auth: ByteBuffer? = nil) -> OutboundMessage {
        message(.connect, nsp: nsp, json: auth)
    }

    /// The refusal of a CONNECT: `{"message":…}`, with `"data"` when `data`, a JSON text, is given.
    package static func connectError(nsp: String, message text: String, data: ByteBuffer? = nil) -> OutboundMessage {
        var json = ByteBuffer()
        json.writeStaticString("{\"message\":")
        json.writeJSONString(text)
        if let data {
            json.writeStaticString(",\"data\":")
            json.writeImmutableBuffer(data)
        }
        json.writeStaticString("}")
        return message(.connectError, nsp: nsp, json: json)
    }

    /// A DISCONNECT, which names nothing but the namespace.
    package static func disconnect(nsp: String) -> OutboundMessage {
        message(.disconnect, nsp: nsp, json: nil)
    }

    // MARK: Writing

    private static func message(
        _ type: SocketPacketType, nsp: String, id: Int? = nil, json: ByteBuffer?, attachments: [ByteBuffer] = [],
        compress: Bool = true
    ) -> OutboundMessage {
        let prefix = PacketPrefix(type: type, attachments: attachments.count, nsp: nsp, id: id)
        let payloadLength = prefix.length + (json?.readableBytes ?? 0)
        var frame = ByteBuffer()
        frame.reserveCapacity(payloadLength + OutboundPacket.maximumHeaderLength)
        let headerLength = OutboundPacket.writeHeader(opcode: 0x1, payloadLength: payloadLength, into: &frame)
        prefix.write(into: &frame)
        if let json { frame.writeImmutableBuffer(json) }
        let head = OutboundPacket(frame: frame, headerLength: headerLength, isBinary: false)
        return OutboundMessage(head: head, attachments: attachments.map(OutboundPacket.binary), compress: compress)
    }

    /// Writes the JSON first and what stands in front of it afterwards, when lengths and counts are known. A few bytes at
    /// the start of the buffer stay unused.
    private static func message(
        _ plain: SocketPacketType, binary: SocketPacketType, nsp: String, id: Int?, compress: Bool,
        expectedLength: Int, write: (inout ByteBuffer) throws -> [ByteBuffer]
    ) rethrows -> OutboundMessage {
        let gap = OutboundPacket.maximumHeaderLength + PacketPrefix.maximumLength(nsp: nsp)
        var frame = ByteBuffer()
        frame.reserveCapacity(gap + expectedLength)
        frame.writeRepeatingByte(0, count: gap)
        let attachments = try write(&frame)
        let end = frame.writerIndex
        let prefix = PacketPrefix(
            type: attachments.isEmpty ? plain : binary, attachments: attachments.count, nsp: nsp, id: id)
        let payloadLength = prefix.length + (end - gap)
        let headerLength = OutboundPacket.headerLength(payloadLength: payloadLength)
        let start = gap - prefix.length - headerLength
        frame.moveReaderIndex(to: start)
        frame.moveWriterIndex(to: start)
        _ = OutboundPacket.writeHeader(opcode: 0x1, payloadLength: payloadLength, into: &frame)
        prefix.write(into: &frame)
        frame.moveWriterIndex(to: end)
        let head = OutboundPacket(frame: frame, headerLength: headerLength, isBinary: false)
        return OutboundMessage(head: head, attachments: attachments.map(OutboundPacket.binary), compress: compress)
    }
}
