// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// Why a message of another node cannot be used.
enum WireFormatError: Error, Equatable {
    case messagePack(MessagePackError)
    case json
    /// JSON that is nested more deeply than allowed.
    case tooDeep
    /// Readable, but not what belongs here.
    case shape(String)
    /// More rooms than one message may name.
    case tooManyRooms
}

/// Broadcasts as the Node adapter writes them (protocol 5.4.2): `[uid, {type, data, nsp}, {rooms, except, flags}]`.
enum PubSubWireFormat {
    /// Whether this may be the id of a socket.
    static func isID(_ text: String) -> Bool { !text.isEmpty && text.utf8.count <= maximumIDBytes }
    /// Bytes of the uid of an adapter, or of the id of a request. Those of Node.js have 6 to 16, ours 20.
    static let maximumIDBytes = 256

    /// Whose broadcasts these are: the emitter writes the flags before the exceptions.
    enum Style {
        case adapter
        case emitter
    }

    // MARK: Writing

    static func broadcast(
        uid: String, _ packet: BroadcastPacket, options: BroadcastOptions, style: Style = .adapter
    ) throws(JSONError) -> ByteBuffer {
        var writer = MessagePackWriter(capacity: capacity(packet))
        try write(uid: uid, packet, options, style: style, to: &writer)
        return writer.finish()
    }

    /// The same as a command, straight into its place there.
    static func publish(
        uid: String, _ packet: BroadcastPacket, options: BroadcastOptions, channels: ChannelNames
    ) throws(JSONError) -> RedisPublish {
        var writer = MessagePackWriter(capacity: capacity(packet))
        try write(uid: uid, packet, options, style: .adapter, to: &writer)
        let room = options.rooms.count == 1 ? options.rooms[0] : nil
        return writer.withWrittenBytes { payload in
            RedisPublish(payload, channelLength: channels.broadcastLength(to: room)) {
                channels.writeBroadcast(to: room, into: $0)
            }
        }
    }

    /// How every broadcast of an adapter begins.
    static func beginning(uid: String) -> ByteBuffer {
        var writer = MessagePackWriter()
        writer.writeArrayHead(3)
        writer.write(uid)
        return writer.finish()
    }

    private static func capacity(_ packet: BroadcastPacket) -> Int { packet.data.json.readableBytes + 160 }

    private static func write(
        uid: String, _ packet: BroadcastPacket, _ options: BroadcastOptions, style: Style,
        to writer: inout MessagePackWriter
    ) throws(JSONError) {
        writer.writeArrayHead(3)
        writer.write(uid)
        try write(packet, to: &writer)
        write(options, style: style, to: &writer)
    }

    /// A request for acknowledgements, type 7.
    static func acknowledgedBroadcast(
        uid: String, requestID: String, _ packet: BroadcastPacket, options: BroadcastOptions
    ) throws(JSONError) -> ByteBuffer {
        var writer = MessagePackWriter(capacity: packet.data.json.readableBytes + 200)
        writer.writeMapHead(5)
        writer.write("uid" as StaticString)
        writer.write(uid)
        writer.write("requestId" as StaticString)
        writer.write(requestID)
        writer.write("type" as StaticString)
        writer.write(Int64(ClusterRequestType.broadcast.rawValue))
        writer.write("packet" as StaticString)
        // The map of the request and that of the packet are around it.
        try write(packet, to: &writer, depth: 2)
        writer.write("opts" as StaticString)
        write(options, style: .adapter, to: &writer)
        return writer.finish()
    }

    /// One client's acknowledgement, type 9. `signature` is added for peers that understand it.
    static func acknowledgement(
        requestID: String, _ value: RawJSON?, signature: (uid: String, socketID: String?)?
    ) throws(JSONError) -> ByteBuffer {
        var writer = MessagePackWriter(capacity: 128)
        let extra = signature.map { $0.socketID == nil ? 1 : 2 } ?? 0
        writer.writeMapHead((value == nil ? 2 : 3) + extra)
        writer.write("type" as StaticString)
        writer.write(Int64(ClusterRequestType.broadcastAck.rawValue))
        writer.write("requestId" as StaticString)
        writer.write(requestID)
        if let value {
            writer.write("packet" as StaticString)
            try writer.write(json: value.text, attachments: value.attachments, depth: 1)
        }
        if let signature {
            writer.write("uid" as StaticString)
            writer.write(signature.uid)
            if let socketID = signature.socketID {
                writer.write("sid" as StaticString)
                writer.write(socketID)
            }
        }
        return writer.finish()
    }

    private static func write(
        _ packet: BroadcastPacket, to writer: inout MessagePackWriter, depth: Int = 0
    ) throws(JSONError) {
        writer.writeMapHead(3)
        writer.write("type" as StaticString)
        // An event, never a binary one: byte strings are part of the data here.
        writer.write(Int64(2))
        writer.write("data" as StaticString)
        try writer.write(json: packet.data.json, attachments: packet.data.attachments, depth: depth)
        writer.write("nsp" as StaticString)
        writer.write(packet.namespace)
    }

    private static func write(_ options: BroadcastOptions, style: Style, to writer: inout MessagePackWriter) {
        writer.writeMapHead(3)
        writer.write("rooms" as StaticString)
        writer.write(options.rooms)
        if style == .emitter { write(options.flags, to: &writer) }
        writer.write("except" as StaticString)
        writer.write(options.except)
        if style == .adapter { write(options.flags, to: &writer) }
    }

    private static func write(_ flags: BroadcastFlags, to writer: inout MessagePackWriter) {
        writer.write("flags" as StaticString)
        let count = [flags.expectsSingleResponse, flags.isVolatile, !flags.compress, flags.timeout != nil].count { $0 }
        writer.writeMapHead(count)
        if flags.expectsSingleResponse {
            writer.write("expectSingleResponse" as StaticString)
            writer.write(true)
        }
        if flags.isVolatile {
            writer.write("volatile" as StaticString)
            writer.write(true)
        }
        if !flags.compress {
            writer.write("compress" as StaticString)
            writer.write(false)
        }
        if let timeout = flags.timeout {
            writer.write("timeout" as StaticString)
            writer.write(timeout.nanoseconds / 1_000_000)
        }
    }
}

/// Times from other nodes, kept within what a timer may be set to.
enum WireTime {
    static func amount(_ milliseconds: Int64) -> TimeAmount {
        .milliseconds(min(max(milliseconds, 0), 24 * 3_600_000))
    }
}
