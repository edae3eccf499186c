// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore

@testable internal import SocketIORedis
@testable internal import SocketIOServer

extension FuzzTarget {
    private static func limits() -> MessagePackLimits {
        var limits = MessagePackLimits()
        limits.maximumAttachments = 16
        limits.maximumTextLength = 50_000
        return limits
    }

    /// Broadcasts of other nodes.
    static let broadcast = FuzzTarget(name: "cluster-broadcast", maximumLength: 4096) { input in
        let message = input.buffer
        let sender = PubSubWireFormat.sender(of: message)
        for namespace in ["/", "/chat"] {
            guard let found = try? PubSubWireFormat.broadcast(message, namespace: namespace, limits: limits()),
                case let (packet, options) = found
            else { continue }
            try MessagePackCheck.check(packet.data, limits: limits(), size: input.bytes.count)
            try require(options.rooms.count <= PubSubWireFormat.maximumRooms, "\(options.rooms.count) rooms")
            _ = try? packet.arguments()
            guard !MessagePackCheck.hasLookalikes(packet.data) else { continue }
            let written = try PubSubWireFormat.broadcast(uid: sender ?? "uid", packet, options: options)
            guard let again = try PubSubWireFormat.broadcast(written, namespace: namespace, limits: limits()) else {
                throw FuzzFinding("a broadcast that was written is for another namespace")
            }
            try require(again.0.data == packet.data, "written and read again: \(again.0) instead of \(packet)")
            try require(again.1 == options, "written and read again: \(again.1) instead of \(options)")
            try require(PubSubWireFormat.sender(of: written) == sender ?? "uid", "the sender is another one")
        }
    }

    /// Requests, responses, and what nodes of our kind tell each other, as JSON or MessagePack.
    static let clusterMessage = FuzzTarget(name: "cluster-message", maximumLength: 4096) { input in
        let message = input.buffer
        if let request = try decode(ClusterRequest.self, message, { try $0.text }) { _ = request.opts?.options }
        if let response = try decode(ClusterResponse.self, message, { try $0.text }) {
            for socket in response.sockets.map({ SocketWireFormat.sockets($0.value) }) ?? [] {
                _ = try? SocketWireFormat.text(socket, includesHeaders: true)
            }
        }
        if let peer = try decode(PeerMessage.self, message, { try RawJSON(encoding: $0).text })?.peer {
            try require(peer.nodeID.utf8.count <= 64, "the id of a node has \(peer.nodeID.utf8.count) bytes")
            try require(0...1 << 40 ~= peer.sessions, "\(peer.sessions) sessions")
        }
    }

    private static func decode<Message: Decodable & IdentifiedMessage>(
        _ type: Message.Type, _ bytes: ByteBuffer, _ text: (Message) throws -> ByteBuffer
    ) throws -> Message? {
        guard let message = try? WireMessage.decode(type, bytes, limits: limits()) else { return nil }
        guard let first = try? text(message) else { return message }
        let second: ByteBuffer
        do {
            second = try text(try WireMessage.decode(type, first, limits: limits()))
        } catch {
            throw FuzzFinding("\(String(buffer: first)) was written, and is refused: \(error)")
        }
        // As values, because a dictionary has no order.
        let (one, other) = (try RawJSON(first).value, try RawJSON(second).value)
        try require(one == other, "written and read again: \(other) instead of \(one)")
        return message
    }
}
