// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HiredisNIO
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// Messages as `@socket.io/redis-streams-adapter` 0.3 writes them (protocol 5.8): stream entries with the fields `uid`,
/// `nsp`, `type` and `data`, and MessagePack maps with the same four members for publish/subscribe.
struct StreamsWireFormat {
    private let uid: String
    private let namespace: String
    private let stream: String
    private let streams: RedisStreams
    /// The beginning of the command that adds a broadcast, up to its data.
    private let broadcastHead: ByteBuffer

    /// - Parameter stream: The stream of the namespace.
    init(uid: String, namespace: String, stream: String, _ streams: RedisStreams) {
        self.uid = uid
        self.namespace = namespace
        self.stream = stream
        self.streams = streams
        broadcastHead = Self.head(.broadcast, uid: uid, namespace: namespace, stream: stream, streams)
    }

    private static func head(
        _ kind: ClusterDataFormat.Kind, uid: String, namespace: String, stream: String, _ streams: RedisStreams
    ) -> ByteBuffer {
        let fields = [("uid", uid), ("nsp", namespace), ("type", String(kind.rawValue))]
        return RESPCommand.appendHead(to: stream, fields: fields, last: "data", maximumLength: streams.maxLength)
    }

    // MARK: Stream

    /// The command that adds a broadcast without acknowledgement, in one allocation.
    func entry(_ packet: BroadcastPacket, _ options: BroadcastOptions) throws -> RedisPublish {
        let data = packet.data
        guard !data.attachments.isEmpty else {
            return RedisPublish(head: broadcastHead, BroadcastText.beginning, data.json, BroadcastText.end(options))
        }
        guard !streams.onlyPlaintext else {
            let text = try NodeBuffer.text(RawJSON(data)).text
            return RedisPublish(head: broadcastHead, BroadcastText.beginning, text, BroadcastText.end(options))
        }
        var writer = MessagePackWriter(capacity: PacketWireFormat.capacity(packet))
        writer.writeMapHead(2)
        writer.write("packet" as StaticString)
        writer.writeMapHead(2)
        writer.write("type" as StaticString)
        writer.write(Int64(2))
        writer.write("data" as StaticString)
        try writer.write(json: data.json, attachments: data.attachments)
        writer.write("opts" as StaticString)
        PacketWireFormat.write(options, style: .adapter, to: &writer)
        return RedisPublish(head: broadcastHead, "", Self.base64(writer.finish()), ByteBuffer())
    }

    /// The command that adds a request for which no answer is expected.
    func entry(_ request: ClusterRequest) throws -> RedisPublish {
        let (type, data) = try ClusterDataFormat.encode(.request(Self.complete(request)))
        let kind = ClusterDataFormat.Kind(rawValue: type) ?? .join
        let head = Self.head(kind, uid: uid, namespace: namespace, stream: stream, streams)
        return RedisPublish(head: head, "", data.text, ByteBuffer())
    }

    /// The command that adds an echo, which only this node understands. Its namespace exists on no server.
    static func echo(_ number: UInt64, node: String, stream: String, _ streams: RedisStreams) -> RedisPublish {
        RedisPublish(
            head: head(.peer, uid: node, namespace: "", stream: stream, streams), "",
            ByteBuffer(string: #"{"echo":\#(number)}"#), ByteBuffer())
    }

    /// The number of an echo; nil for any other entry.
    static func echoNumber(_ entry: StreamEntry) -> UInt64? {
        guard entry.type == ClusterDataFormat.Kind.peer.rawValue, case .json(let text) = entry.content,
            text.readableBytes <= 64, (try? JSONScanner.validate(text)) != nil,
            let number = RawJSON(validated: text, attachments: []).value["echo"]?.int
        else { return nil }
        return UInt64(exactly: number)
    }

    private static func base64(_ bytes: ByteBuffer) -> ByteBuffer {
        var text = ByteBufferAllocator().buffer(capacity: Base64.encodedLength(bytes.readableBytes))
        Base64.append(bytes.readableBytesView, to: &text)
        return text
    }

    /// Adds flags, which Node's requests always have.
    private static func complete(_ request: ClusterRequest) -> ClusterRequest {
        guard request.opts != nil, request.opts?.flags == nil else { return request }
        var request = request
        request.opts?.flags = WireFlags(BroadcastFlags())
        return request
    }

    // MARK: Publish/subscribe

    /// A message that is of no use later, for publish/subscribe.
    func message(_ content: ClusterMessage.Content) throws -> ByteBuffer {
        var content = content
        if case .request(let request) = content { content = .request(Self.complete(request)) }
        let (type, data) = try ClusterDataFormat.encode(content)
        var writer = MessagePackWriter(capacity: data.text.readableBytes + 80)
        writer.writeMapHead(4)
        writer.write("type" as StaticString)
        writer.write(Int64(type))
        writer.write("data" as StaticString)
        try writer.write(json: data.text, attachments: data.attachments, depth: 1)
        writer.write("uid" as StaticString)
        writer.write(uid)
        writer.write("nsp" as StaticString)
        writer.write(namespace)
        return writer.finish()
    }

    // MARK: Reading

    /// The message in an entry of the namespace. Everything in it is checked.
    static func message(_ entry: StreamEntry, limits: MessagePackLimits) throws -> ClusterMessage.Content {
        guard let content = entry.content else { throw WireFormatError.shape("no data") }
        if case .json(let text) = content, entry.type == ClusterDataFormat.Kind.broadcast.rawValue,
            let broadcast = BroadcastText.read(
                text, maximumDepth: limits.maximumDepth, maximumRooms: limits.maximumRooms)
        {
            let packet = BroadcastPacket(
                namespace: entry.namespace, event: broadcast.event,
                data: EncodedArguments(json: broadcast.data, attachments: []))
            return .broadcast(packet, broadcast.options)
        }
        let bytes =
            switch content {
            case .json(let text): text
            case .messagePack(let bytes): bytes
            }
        return try ClusterDataFormat.decode(
            type: entry.type, try WireMessage.json(bytes, limits: limits), sender: entry.uid,
            namespace: entry.namespace, maximumRooms: limits.maximumRooms)
    }
}

extension StreamEntry {
    /// Nil when an entry is no message for a namespace whose name has at most `maximumNameLength` bytes.
    init?(_ entry: RedisStreamEntry, maximumNameLength: Int) {
        var reader = Reader(maximumNameLength: maximumNameLength)
        for field in entry.fields {
            guard reader.read(field.name, field.value) else { return nil }
        }
        guard let entry = reader.entry else { return nil }
        self = entry
    }
}
