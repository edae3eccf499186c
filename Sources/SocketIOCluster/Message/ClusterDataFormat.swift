// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
package import SocketIOCore
internal import SocketIOServer

/// The `type` and `data` of the messages of Node's `ClusterAdapter` (protocol 5.6), as JSON with attachments, for
/// formats that keep these two in separate places.
package enum ClusterDataFormat {
    /// The numbers of the messages.
    package enum Kind: Int, Sendable {
        case initialHeartbeat = 1
        case heartbeat = 2
        case broadcast = 3
        case join = 4
        case leave = 5
        case disconnect = 6
        case fetchSockets = 7
        case fetchSocketsResponse = 8
        case serverSideEmit = 9
        case serverSideEmitResponse = 10
        case broadcastClientCount = 11
        case broadcastAck = 12
        case adapterClose = 13
        // Only servers of this kind use the following numbers.
        /// Asks which sockets are in rooms: `{requestId, rooms}`. The answer is that of `fetchSockets`, with ids.
        case sockets = 64
        /// Asks which rooms exist: `{requestId}`.
        case allRooms = 65
        /// Answers `allRooms`: `{requestId, rooms}`.
        case allRoomsResponse = 66
        /// A ``PeerMessage`` as text: `{text, one}`.
        case peer = 67
    }

    // MARK: Writing

    package static func encode(_ content: ClusterMessage.Content) throws -> (type: Int, data: RawJSON) {
        let (kind, data) = try fields(content)
        return (kind.rawValue, try RawJSON(encoding: data))
    }

    private static func fields(_ content: ClusterMessage.Content) throws -> (Kind, Fields) {
        var fields = Fields()
        switch content {
        case .broadcast(let packet, let options):
            fields.packet = try RawJSON(encoding: Packet(packet))
            fields.opts = WireOptions(options, includesFlags: true)
            return (.broadcast, fields)
        case .acknowledgedBroadcast(let id, let packet, let options):
            fields.packet = try RawJSON(encoding: Packet(packet))
            fields.requestId = id
            fields.opts = WireOptions(options, includesFlags: true)
            return (.broadcast, fields)
        case .request(let request): return try self.fields(request)
        case .response(let response): return self.fields(response)
        case .peer(let text, let isForOne):
            fields.text = String(buffer: text)
            fields.one = isForOne ? true : nil
            return (.peer, fields)
        }
    }

    private static func fields(_ request: ClusterRequest) throws -> (Kind, Fields) {
        var fields = Fields()
        fields.requestId = request.requestId
        fields.opts = request.opts
        fields.rooms = request.rooms
        fields.close = request.close
        fields.packet = request.data
        switch ClusterRequestType(rawValue: request.type) {
        case .sockets: return (.sockets, fields)
        case .allRooms: return (.allRooms, fields)
        case .remoteJoin: return (.join, fields)
        case .remoteLeave: return (.leave, fields)
        case .remoteDisconnect: return (.disconnect, fields)
        case .remoteFetch: return (.fetchSockets, fields)
        case .serverSideEmit: return (.serverSideEmit, fields)
        case .broadcast, .broadcastClientCount, .broadcastAck, nil: throw WireFormatError.shape("request type")
        }
    }

    private static func fields(_ response: ClusterResponse) -> (Kind, Fields) {
        var fields = Fields()
        fields.requestId = response.requestId
        fields.sockets = response.sockets
        fields.rooms = response.rooms.map { WireRoomList($0.map(\.name)) }
        fields.clientCount = response.clientCount
        fields.packet = response.data ?? response.packet
        (fields.sid, fields.sids, fields.gone) = (response.sid, response.sids, response.gone)
        (fields.part, fields.more, fields.error) = (response.part, response.more, response.error)
        switch response.type.flatMap(ClusterRequestType.init) {
        case .serverSideEmit: return (.serverSideEmitResponse, fields)
        case .broadcastClientCount: return (.broadcastClientCount, fields)
        case .broadcastAck: return (.broadcastAck, fields)
        default: return (response.rooms == nil ? .fetchSocketsResponse : .allRoomsResponse, fields)
        }
    }

    // MARK: Reading

    /// - Parameter maximumRooms: The most rooms and exceptions that the message may name.
    package static func decode(
        type: Int, _ data: RawJSON?, sender: String, namespace: String,
        maximumRooms: Int = MessagePackLimits().maximumRooms
    ) throws -> ClusterMessage.Content {
        guard let kind = Kind(rawValue: type) else { throw WireFormatError.shape("message type \(type)") }
        guard let data else { throw WireFormatError.shape("no data") }
        let fields = try data.decode(Fields.self, context: WireLimits(rooms: maximumRooms))
        guard
            [fields.requestId, fields.sid].allSatisfy({
                $0.map { $0.utf8.count } ?? 0 <= PacketWireFormat.maximumIDBytes
            })
        else { throw WireFormatError.shape("an id is too long") }
        switch kind {
        case .broadcast:
            let packet = try Packet(fields.packet).packet(namespace: namespace)
            let options = fields.opts?.options ?? BroadcastOptions()
            guard let id = fields.requestId else { return .broadcast(packet, options) }
            return .acknowledgedBroadcast(requestID: id, packet, options)
        case .join: return .request(try fields.request(.remoteJoin, sender))
        case .leave: return .request(try fields.request(.remoteLeave, sender))
        case .disconnect: return .request(try fields.request(.remoteDisconnect, sender))
        case .fetchSockets: return .request(try fields.request(.remoteFetch, sender))
        case .serverSideEmit: return .request(try fields.request(.serverSideEmit, sender))
        case .sockets: return .request(try fields.request(.sockets, sender))
        case .allRooms: return .request(try fields.request(.allRooms, sender))
        case .fetchSocketsResponse, .allRoomsResponse: return .response(try fields.response(nil, sender))
        case .serverSideEmitResponse: return .response(try fields.response(.serverSideEmit, sender))
        case .broadcastClientCount: return .response(try fields.response(.broadcastClientCount, sender))
        case .broadcastAck: return .response(try fields.response(.broadcastAck, sender))
        case .peer:
            guard let text = fields.text else { throw WireFormatError.shape("no text") }
            return .peer(ByteBuffer(string: text), isForOne: fields.one ?? false)
        case .initialHeartbeat, .heartbeat, .adapterClose: throw WireFormatError.shape("message type \(type)")
        }
    }

    /// The packet of a broadcast.
    private struct Packet: Codable {
        var type = 2
        var data: RawJSON
        var nsp: String?

        init(_ packet: BroadcastPacket) {
            data = RawJSON(packet.data)
            nsp = packet.namespace
        }

        init(_ raw: RawJSON?) throws {
            guard let raw else { throw WireFormatError.shape("no packet") }
            self = try raw.decode(Packet.self)
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            data = try container.decode(RawJSON.self, forKey: .data)
            nsp = try container.decodeIfPresent(String.self, forKey: .nsp)
        }

        func packet(namespace: String) throws -> BroadcastPacket {
            guard nsp?.hasSameBytes(as: namespace) ?? true else { throw WireFormatError.shape("nsp") }
            guard let event = try PacketPayload(text: data.text).eventName else {
                throw WireFormatError.shape("event name")
            }
            return BroadcastPacket(
                namespace: namespace, event: event,
                data: EncodedArguments(json: data.text, attachments: data.attachments))
        }
    }

    /// All fields that a message may have, in the order in which Node writes them.
    private struct Fields: Codable {
        var packet: RawJSON?
        var requestId: String?
        var opts: WireOptions?
        var rooms: WireRoomList?
        var close: Bool?
        var sockets: RawJSON?
        var clientCount: Double?
        // Only servers of this kind use the following fields; see `ClusterResponse`.
        var sid: String?
        var sids: [String]?
        var gone: Bool?
        var part: Int?
        var more: Bool?
        var error: String?
        var text: String?
        var one: Bool?

        init() {}

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            // An argument that is null is not the same as a missing one.
            if container.contains(.packet) { packet = try container.decode(RawJSON.self, forKey: .packet) }
            requestId = try container.decodeIfPresent(WireID.self, forKey: .requestId)?.text
            opts = WireOptions.given(try container.decodeIfPresent(WireOptions.self, forKey: .opts))
            rooms = try container.decodeIfPresent(WireRoomList.self, forKey: .rooms)
            close = try container.decodeIfPresent(WireTruth.self, forKey: .close)?.isTrue
            sockets = try container.decodeIfPresent(RawJSON.self, forKey: .sockets)
            clientCount = try container.decodeIfPresent(Double.self, forKey: .clientCount)
            sid = try container.decodeIfPresent(String.self, forKey: .sid)
            sids = try container.decodeIfPresent([String].self, forKey: .sids)
            gone = try container.decodeIfPresent(Bool.self, forKey: .gone)
            part = try container.decodeIfPresent(Int.self, forKey: .part)
            more = try container.decodeIfPresent(Bool.self, forKey: .more)
            error = try container.decodeIfPresent(String.self, forKey: .error)
            text = try container.decodeIfPresent(String.self, forKey: .text)
            one = try container.decodeIfPresent(Bool.self, forKey: .one)
        }

        func request(_ type: ClusterRequestType, _ sender: String) throws -> ClusterRequest {
            var request = ClusterRequest(
                uid: sender, requestID: requestId, type: type, close: close, data: packet)
            request.rooms = rooms
            request.opts = opts
            return request
        }

        func response(_ type: ClusterRequestType?, _ sender: String) throws -> ClusterResponse {
            guard let requestId else { throw WireFormatError.shape("no requestId") }
            var response = ClusterResponse(requestID: requestId, type: type, uid: sender)
            response.sockets = sockets
            response.rooms = rooms?.names.map { WireRoom($0) }
            response.clientCount = clientCount
            if type == .serverSideEmit { response.data = packet } else { response.packet = packet }
            (response.sid, response.sids, response.gone) = (sid, sids, gone)
            (response.part, response.more, response.error) = (part, more, error)
            return response
        }
    }
}
