// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// Messages as `createShardedAdapter` of `@socket.io/redis-adapter` 8.3 writes them (protocol 5.7): an object with the
/// members `type`, `data`, `uid` and `nsp`, as JSON, or as MessagePack when it contains binary data.
struct ShardedWireFormat: Sendable {
    private let uid: String
    private let namespace: String
    /// How every message of this adapter ends, as JSON and as MessagePack.
    private let ends: (json: ByteBuffer, messagePack: ByteBuffer)
    /// How every JSON message of the namespace ends.
    private let namespaceEnd: ByteBuffer
    private let plainEnd: ByteBuffer

    private static let beginning: StaticString = #"{"type":3,"data":{"packet":{"type":2,"data":"#
    /// The same up to the data of the message.
    private static let prefix: StaticString = #"{"type":3,"data":"#
    private static let uidMember: StaticString = #","uid":""#

    init(uid: String, namespace: String) {
        self.uid = uid
        self.namespace = namespace
        let (sender, name) = (Self.quoted(uid), Self.quoted(namespace))
        namespaceEnd = ByteBuffer(string: #"","nsp":\#(name)}"#)
        let json = ByteBuffer(string: #","uid":\#(sender),"nsp":\#(name)}"#)
        var messagePack = MessagePackWriter(capacity: 64)
        Self.writeEnd(uid, namespace, to: &messagePack)
        ends = (json, messagePack.finish())
        plainEnd = Self.joined(BroadcastText.end(BroadcastOptions()), ends.json)
    }

    /// A text as JSON.
    private static func quoted(_ text: String) -> String { (try? RawJSON(encoding: text).json) ?? #""""# }

    private static func joined(_ first: ByteBuffer, _ second: ByteBuffer) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: first.readableBytes + second.readableBytes)
        buffer.writeImmutableBuffer(first)
        buffer.writeImmutableBuffer(second)
        return buffer
    }

    private static func writeEnd(_ uid: String, _ namespace: String, to writer: inout MessagePackWriter) {
        writer.write("uid" as StaticString)
        writer.write(uid)
        writer.write("nsp" as StaticString)
        writer.write(namespace)
    }

    // MARK: Writing

    /// The command that sends a broadcast without acknowledgement. With JSON it takes one allocation.
    func publish(
        _ packet: BroadcastPacket, _ options: BroadcastOptions, to head: RedisPublish.Head
    ) throws -> RedisPublish {
        guard packet.data.attachments.isEmpty else {
            return RedisPublish(head, "", try binary(packet, options), ByteBuffer())
        }
        let isPlain = options.rooms.isEmpty && options.except.isEmpty && options.flags == BroadcastFlags()
        let end = isPlain ? plainEnd : Self.joined(BroadcastText.end(options), ends.json)
        return RedisPublish(head, Self.beginning, packet.data.json, end)
    }

    private func binary(_ packet: BroadcastPacket, _ options: BroadcastOptions) throws -> ByteBuffer {
        var writer = MessagePackWriter(capacity: PacketWireFormat.capacity(packet) + 80)
        writer.writeMapHead(4)
        writer.write("type" as StaticString)
        writer.write(Int64(ClusterDataFormat.Kind.broadcast.rawValue))
        writer.write("data" as StaticString)
        writer.writeMapHead(2)
        writer.write("packet" as StaticString)
        writer.writeMapHead(2)
        writer.write("type" as StaticString)
        writer.write(Int64(2))
        writer.write("data" as StaticString)
        try writer.write(json: packet.data.json, attachments: packet.data.attachments, depth: 2)
        writer.write("opts" as StaticString)
        PacketWireFormat.write(options, style: .adapter, to: &writer)
        Self.writeEnd(uid, namespace, to: &writer)
        return writer.finish()
    }

    /// Any other message.
    func message(_ content: ClusterMessage.Content) throws -> ByteBuffer {
        var content = content
        if case .request(let request) = content { content = .request(request.withFlags) }
        let (type, data) = try ClusterDataFormat.encode(content)
        guard data.hasAttachments else { return json(type, data.text) }
        var writer = MessagePackWriter(capacity: data.text.readableBytes + 80)
        writer.writeMapHead(4)
        writer.write("type" as StaticString)
        writer.write(Int64(type))
        writer.write("data" as StaticString)
        try writer.write(json: data.text, attachments: data.attachments, depth: 1)
        Self.writeEnd(uid, namespace, to: &writer)
        return writer.finish()
    }

    private func json(_ type: Int, _ data: ByteBuffer) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: data.readableBytes + ends.json.readableBytes + 32)
        buffer.writeString(#"{"type":\#(type),"data":"#)
        buffer.writeImmutableBuffer(data)
        buffer.writeImmutableBuffer(ends.json)
        return buffer
    }

    // MARK: Reading

    /// Whether this adapter has sent the message.
    func isOwn(_ message: ByteBuffer) -> Bool { message.ends(with: ends.json) || message.ends(with: ends.messagePack) }

    /// A broadcast without acknowledgement in the form in which servers usually write it, and its sender; nil for every
    /// other message. It costs less than ``read(_:limits:)``, which understands all messages.
    func plainBroadcast(
        _ message: ByteBuffer, limits: MessagePackLimits
    ) -> (sender: String, packet: BroadcastPacket, options: BroadcastOptions)? {
        guard message.ends(with: namespaceEnd), message.starts(with: Self.prefix) else { return nil }
        let (start, end) = (message.readerIndex + Self.prefix.utf8CodeUnitCount, message.writerIndex)
        let uidEnd = end - namespaceEnd.readableBytes
        // The name of the sender, from its end: letters, digits, hyphens and underscores, which need no decoding.
        var uidStart = uidEnd
        while uidStart > start, uidEnd - uidStart <= PacketWireFormat.maximumIDBytes,
            let byte = message.getInteger(at: uidStart - 1, as: UInt8.self), byte.isWordByte
        {
            uidStart -= 1
        }
        let dataEnd = uidStart - Self.uidMember.utf8CodeUnitCount
        guard dataEnd > start, uidStart < uidEnd, uidEnd - uidStart <= PacketWireFormat.maximumIDBytes,
            message.getSlice(at: dataEnd, length: uidStart - dataEnd)?.starts(with: Self.uidMember) == true,
            let text = message.getSlice(at: start, length: dataEnd - start),
            let broadcast = BroadcastText.read(
                text, maximumDepth: limits.maximumDepth, maximumRooms: limits.maximumRooms),
            let sender = message.getString(at: uidStart, length: uidEnd - uidStart)
        else { return nil }
        let packet = BroadcastPacket(
            namespace: namespace, event: broadcast.event,
            data: EncodedArguments(json: broadcast.data, attachments: []))
        return (sender, packet, broadcast.options)
    }

    /// Any message. Everything in it is checked.
    static func read(_ message: ByteBuffer, limits: MessagePackLimits) throws -> ClusterMessage {
        try ClusterWireFormat.decode(message, limits: limits)
    }
}

extension ClusterRequest {
    /// The request with flags, which Node's requests always have.
    fileprivate var withFlags: ClusterRequest {
        guard opts != nil, opts?.flags == nil else { return self }
        var request = self
        request.opts?.flags = WireFlags(BroadcastFlags())
        return request
    }
}

extension UInt8 {
    fileprivate var isWordByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
