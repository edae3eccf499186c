// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
internal import NIOCore

/// Writes the packets of ``DefaultEncoder`` for clients with the MessagePack parser (protocol 3.11).
///
/// It takes finished messages, because arguments are JSON text here however they leave: what the server sends to both kinds of
/// clients is made once and packed once. The members stand in the order `type, data, [id,] nsp`; byte strings are `bin`, and
/// there are no extensions.
package enum MessagePackEncoder {
    /// The same packet as one binary message; nil when its data cannot be packed, which only another server can cause.
    package static func message(_ message: OutboundMessage) -> OutboundMessage? {
        guard let bytes = pack(message) else { return nil }
        var packed = message
        packed.head = OutboundPacket.binary(bytes)
        packed.attachments = []
        return packed
    }

    private static func pack(_ message: OutboundMessage) -> ByteBuffer? {
        let text = message.head.payloadBuffer
        guard let (header, nsp) = header(of: text) else { return nil }
        var json = text
        json.moveReaderIndex(forwardBy: 1 + header.dataOffset)
        var writer = MessagePackWriter(capacity: text.readableBytes + 40)
        let hasData = json.readableBytes > 0
        writer.writeMapHead(2 + (hasData ? 1 : 0) + (header.id == nil ? 0 : 1))
        writer.write("type" as StaticString)
        writer.write(Int64(header.type.withoutAttachments.rawValue))
        if hasData {
            writer.write("data" as StaticString)
            do {
                try writer.write(json: json, attachments: message.attachments.map(\.payloadBuffer))
            } catch {
                return nil
            }
        }
        if let id = header.id {
            writer.write("id" as StaticString)
            writer.write(Int64(id))
        }
        writer.write("nsp" as StaticString)
        writer.write(nsp)
        return writer.finish()
    }

    /// What stands in front of the data, and the namespace.
    private static func header(of text: ByteBuffer) -> (PacketHeader, nsp: String)? {
        text.withUnsafeReadableBytes { bytes in
            guard bytes.first == UInt8(ascii: "4") else { return nil }
            let packet = UnsafeRawBufferPointer(rebasing: bytes[1...])
            let limits = PacketLimits(maxAttachments: .max, maxNamespaceLength: .max)
            guard let header = try? PacketHeader(packet, limits: limits) else { return nil }
            let nsp = header.namespace.map { String(decoding: packet[$0], as: UTF8.self) }
            return (header, nsp ?? SocketPacket.mainNamespace)
        }
    }
}

extension SocketPacketType {
    /// The type of a packet that holds its byte strings itself.
    fileprivate var withoutAttachments: SocketPacketType {
        switch self {
        case .binaryEvent: .event
        case .binaryAck: .ack
        default: self
        }
    }
}
