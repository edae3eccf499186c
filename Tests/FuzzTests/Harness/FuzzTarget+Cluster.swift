// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore
internal import SocketIOCore

@testable internal import SocketIOCluster
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
            try require(
                options.rooms.count + options.except.count <= limits().maximumRooms, "\(options.rooms.count) rooms")
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
        if let request = try decode(ClusterRequest.self, message, { try $0.text }) {
            let options = request.opts?.options ?? BroadcastOptions()
            for data in [request.data, request.packet?.data] {
                if let data { try checkEvent(data, id: request.requestId, options) }
            }
        }
        if let response = try decode(ClusterResponse.self, message, { try $0.text }) {
            for socket in response.sockets.map({ SocketWireFormat.sockets($0.value) }) ?? [] {
                _ = try? SocketWireFormat.text(socket, includesHeaders: true)
            }
        }
        if let peer = try decode(PeerMessage.self, message, { try RawJSON(encoding: $0).text })?.peer {
            try require(peer.nodeID.utf8.count <= 64, "the id of a node has \(peer.nodeID.utf8.count) bytes")
            try require(0...1 << 40 ~= peer.sessions, "\(peer.sessions) sessions")
        }
        if let heartbeat = try? WireMessage.decode(PeerMessage.self, message, limits: limits()) {
            let reports = heartbeat.rateReports
            try require(reports.count <= RateBook.maximumReports, "\(reports.count) busy users")
            for report in reports {
                try require(
                    0...1 << 40 ~= report.events && 0...1 << 40 ~= report.bytes, "\(report) would add up to too much")
            }
        }
        try checkSignature(message)
    }

    /// What a request to emit carries, and the broadcast that is made of it.
    private static func checkEvent(_ data: RawJSON, id: String?, _ options: BroadcastOptions) throws {
        guard let event = (try? PacketPayload(text: data.text))?.eventName else { return }
        let arguments = EncodedArguments(json: data.text, attachments: data.attachments)
        let packet = BroadcastPacket(namespace: "/", event: event, data: arguments)
        _ = try? packet.arguments()
        guard let id, !MessagePackCheck.hasLookalikes(arguments),
            // Too deep, with the maps around it.
            let written = try? PubSubWireFormat.acknowledgedBroadcast(
                uid: "uid", requestID: id, packet, options: options),
            let again = try? WireMessage.decode(ClusterRequest.self, written, limits: limits())
        else { return }
        try require(
            again.packet?.data.map { Decoding.areSame($0.value, data.value) } ?? false,
            "\(data) is written, and is \(again.packet as Any)")
        let read = again.opts?.options
        try require(
            read?.rooms == options.rooms && read?.except == options.except,
            "the rooms \(options) are written, and are \(read as Any)")
    }

    /// Nothing is signed that the holder of the secret has not signed, for this channel.
    private static func checkSignature(_ message: ByteBuffer) throws {
        let signature = PeerSignature(key: ForwardingKey("a secret of the cluster"))
        guard message.readableBytesView.first == UInt8(ascii: "{") else { return }
        try require(signature.refusal(of: message, on: "nodes") != nil, "a message of nobody is believed")
        let signed = signature.sign(message, for: "nodes", at: 1)
        try require(signature.refusal(of: signed, on: "nodes") == nil, "a signed message is refused")
        try require(signature.refusal(of: signed, on: "others") == .wrongKey, "it is believed on another channel")
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
