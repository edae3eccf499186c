// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// Broadcasts of other nodes, of which nothing is believed.
extension PubSubWireFormat {
    /// The sender of a broadcast, without looking at the rest; empty when the message names none, nil when it is not a
    /// broadcast.
    static func sender(of message: ByteBuffer) -> String? {
        var reader = MessagePackReader(message)
        guard (try? reader.arrayHead()).map({ $0 >= 2 }) == true, let uid = try? PacketWireFormat.key(&reader),
            uid.count <= PacketWireFormat.maximumIDBytes
        else { return nil }
        return reader.string(uid)
    }

    /// A broadcast of another node; nil when it belongs to another namespace.
    static func broadcast(
        _ message: ByteBuffer, namespace: String, limits: MessagePackLimits
    ) throws(WireFormatError) -> (BroadcastPacket, BroadcastOptions)? {
        try PacketWireFormat.reading {
            var reader = MessagePackReader(message)
            let count = try reader.arrayHead()
            guard count >= 2 else { throw WireFormatError.shape("array too short") }
            try reader.skip()
            guard
                let data = try PacketWireFormat.findData(
                    &reader, namespace: namespace, unnamed: namespace.hasSameBytes(as: "/"))
            else { return nil }
            let options =
                count == 2 ? BroadcastOptions() : try PacketWireFormat.options(&reader, most: limits.maximumRooms)
            let end = reader.offset
            reader.move(to: data)
            let packet = try PacketWireFormat.packet(&reader, namespace: namespace, limits: limits)
            reader.move(to: end)
            return (packet, options)
        }
    }
}
