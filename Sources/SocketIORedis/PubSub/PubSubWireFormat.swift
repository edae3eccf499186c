// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// Broadcasts as the Node adapter writes them (protocol 5.4.2): `[uid, {type, data, nsp}, {rooms, except, flags}]`.
enum PubSubWireFormat {
    // MARK: Writing

    static func broadcast(
        uid: String, _ packet: BroadcastPacket, options: BroadcastOptions, style: PacketWireFormat.Style = .adapter
    ) throws(JSONError) -> ByteBuffer {
        var writer = MessagePackWriter(capacity: PacketWireFormat.capacity(packet))
        try write(uid: uid, packet, options, style: style, to: &writer)
        return writer.finish()
    }

    /// The same as a command, straight into its place there.
    static func publish(
        uid: String, _ packet: BroadcastPacket, options: BroadcastOptions, channels: ChannelNames
    ) throws(JSONError) -> RedisPublish {
        var writer = MessagePackWriter(capacity: PacketWireFormat.capacity(packet))
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

    private static func write(
        uid: String, _ packet: BroadcastPacket, _ options: BroadcastOptions, style: PacketWireFormat.Style,
        to writer: inout MessagePackWriter
    ) throws(JSONError) {
        writer.writeArrayHead(3)
        writer.write(uid)
        try PacketWireFormat.write(packet, to: &writer)
        PacketWireFormat.write(options, style: style, to: &writer)
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
        try PacketWireFormat.write(packet, to: &writer, depth: 2)
        writer.write("opts" as StaticString)
        PacketWireFormat.write(options, style: .adapter, to: &writer)
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

    /// A request of any type but an acknowledged broadcast: JSON, without binary data.
    static func request(_ request: ClusterRequest) throws -> ByteBuffer {
        guard let data = request.data, data.hasAttachments else { return try request.text }
        var request = request
        request.data = try NodeBuffer.text(data)
        return try request.text
    }

    /// A response of any type: JSON, but for acknowledgements, which may have binary data.
    static func response(_ response: ClusterResponse) throws -> ByteBuffer {
        guard response.type == ClusterRequestType.broadcastAck.rawValue, response.gone == nil else {
            guard let data = response.data, data.hasAttachments else { return try response.text }
            var response = response
            response.data = try NodeBuffer.text(data)
            return try response.text
        }
        return try acknowledgement(
            requestID: response.requestId, response.packet, signature: response.uid.map { ($0, response.sid) })
    }
}
