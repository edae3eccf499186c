// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import SocketIOCore
internal import SocketIOServer

/// How the messages of a ``ClusterTransport`` are written: as those of Node's `ClusterAdapter` (protocol 5.6), which
/// its adapters for sharded publish/subscribe and for streams send, too.
///
///     {"uid": sender, "nsp": namespace, "type": 3, "data": {"packet": {…}, "opts": {"rooms": […], "except": […], "flags": {}}}}
///
/// Servers of this kind add `n`, the sender's number for the message. They also have messages of their own, with types
/// that Node.js servers do not know and ignore; see ``ClusterDataFormat``.
public enum ClusterWireFormat: String, Sendable, Codable, Hashable, CaseIterable {
    /// MessagePack, which is shorter and contains binary data unchanged.
    case messagePack
    /// JSON, which people can read; MessagePack for a message with binary data.
    case json

    // MARK: Writing

    package func encode(_ message: ClusterMessage) throws -> ByteBuffer {
        if self == .messagePack, case .broadcast(let packet, let options) = message.content {
            return try Self.encode(message, packet, options)
        }
        let (type, data) = try ClusterDataFormat.encode(message.content)
        let text = try RawJSON(
            encoding: Envelope(
                uid: message.sender, nsp: message.namespace, type: type, n: message.number, data: data))
        guard self == .messagePack || text.hasAttachments else { return text.text }
        var writer = MessagePackWriter(capacity: text.text.readableBytes)
        try writer.write(json: text.text, attachments: text.attachments)
        return writer.finish()
    }

    /// The same for the most frequent messages, without JSON in between.
    private static func encode(
        _ message: ClusterMessage, _ packet: BroadcastPacket, _ options: BroadcastOptions
    ) throws -> ByteBuffer {
        var writer = MessagePackWriter(capacity: PacketWireFormat.capacity(packet) + 80)
        writer.writeMapHead(message.number == nil ? 4 : 5)
        writer.write("uid" as StaticString)
        writer.write(message.sender)
        writer.write("nsp" as StaticString)
        writer.write(message.namespace)
        writer.write("type" as StaticString)
        writer.write(Int64(ClusterDataFormat.Kind.broadcast.rawValue))
        if let number = message.number {
            writer.write("n" as StaticString)
            writer.write(Int64(clamping: number))
        }
        writer.write("data" as StaticString)
        writer.writeMapHead(2)
        writer.write("packet" as StaticString)
        try PacketWireFormat.write(packet, to: &writer)
        writer.write("opts" as StaticString)
        PacketWireFormat.write(options, style: .adapter, to: &writer)
        return writer.finish()
    }

    // MARK: Reading

    /// A message in either format.
    static func decode(_ bytes: ByteBuffer, limits: ClusterConfiguration) throws -> ClusterMessage {
        guard bytes.readableBytes <= limits.maxMessageBytes else { throw ClusterError.oversized }
        return try decode(bytes, limits: limits.limits)
    }

    /// A message in either format.
    package static func decode(_ bytes: ByteBuffer, limits: MessagePackLimits) throws -> ClusterMessage {
        if bytes.readableBytesView.first != UInt8(ascii: "{"), let message = try broadcast(bytes, limits) {
            return message
        }
        let envelope = try WireMessage.decode(Envelope.self, bytes, limits: limits)
        return ClusterMessage(
            namespace: envelope.nsp, sender: envelope.uid, number: envelope.n,
            try ClusterDataFormat.decode(
                type: envelope.type, envelope.data, sender: envelope.uid, namespace: envelope.nsp,
                maximumRooms: limits.maximumRooms))
    }

    /// A broadcast without acknowledgements in MessagePack; nil for everything else.
    private static func broadcast(
        _ bytes: ByteBuffer, _ limits: MessagePackLimits
    ) throws(WireFormatError) -> ClusterMessage? {
        try PacketWireFormat.reading {
            var reader = MessagePackReader(bytes)
            var (uid, namespace, type, number, data): (String?, String?, Int64?, UInt64?, Int?)
            for _ in 0..<(try reader.mapHead()) {
                let key = try PacketWireFormat.key(&reader)
                let start = reader.offset
                switch try reader.next() {
                case .string(let range) where reader.equals(key, "uid") && range.count <= maximumNameBytes:
                    uid = reader.string(range)
                case .string(let range) where reader.equals(key, "nsp") && range.count <= maximumNameBytes:
                    namespace = reader.string(range)
                case .integer(let value) where reader.equals(key, "type"): type = value
                case .integer(let value) where reader.equals(key, "n"): number = UInt64(exactly: value)
                default:
                    if reader.equals(key, "data") { data = start }
                    reader.move(to: start)
                    try reader.skip()
                }
            }
            guard type == Int64(ClusterDataFormat.Kind.broadcast.rawValue), let uid, let namespace, let data else {
                return nil
            }
            reader.move(to: data)
            var (packet, options): (Int?, BroadcastOptions?)
            for _ in 0..<(try reader.mapHead()) {
                let key = try PacketWireFormat.key(&reader)
                if reader.equals(key, "packet") {
                    packet = try PacketWireFormat.findData(&reader, namespace: namespace, unnamed: true)
                } else if reader.equals(key, "opts") {
                    options = try PacketWireFormat.options(&reader, most: limits.maximumRooms)
                } else if reader.equals(key, "requestId") {
                    switch try reader.next() {
                    case .null, .undefined: break
                    default: return nil
                    }
                } else {
                    try reader.skip()
                }
            }
            guard let packet else { throw WireFormatError.shape("no packet") }
            reader.move(to: packet)
            return ClusterMessage(
                namespace: namespace, sender: uid, number: number,
                .broadcast(
                    try PacketWireFormat.packet(&reader, namespace: namespace, limits: limits),
                    options ?? BroadcastOptions()))
        }
    }

    private static let maximumNameBytes = 1024

    /// The members that every message has.
    private struct Envelope: Codable, IdentifiedMessage {
        var uid: String
        var nsp: String
        var type: Int
        var n: UInt64?
        var data: RawJSON?

        var ids: [String?] { [uid] }
    }
}
