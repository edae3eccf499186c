// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import SocketIOCore

/// The numbers of requests and responses (protocol 5.4.3).
package enum ClusterRequestType: Int {
    case sockets = 0
    case allRooms = 1
    case remoteJoin = 2
    case remoteLeave = 3
    case remoteDisconnect = 4
    case remoteFetch = 5
    case serverSideEmit = 6
    case broadcast = 7
    case broadcastClientCount = 8
    case broadcastAck = 9

    /// Whether a request of this kind is sent as data, which waits through an outage.
    package func isData(hasRequestID: Bool) -> Bool {
        switch self {
        case .remoteJoin, .remoteLeave, .remoteDisconnect: true
        case .serverSideEmit: !hasRequestID
        case .sockets, .allRooms, .remoteFetch, .broadcast, .broadcastClientCount, .broadcastAck: false
        }
    }
}

/// The packet of an acknowledged broadcast.
package struct WirePacket: Codable {
    package var data: RawJSON?
    package var nsp: String?
}

/// A request of another node, of any type and also in its older forms, so every member may be missing.
///
/// The order of the members is the order they are written in.
package struct ClusterRequest: Codable {
    package var uid: String?
    package var requestId: String?
    package var type: Int
    package var opts: WireOptions?
    package var rooms: WireRoomList?
    package var close: Bool?
    package var data: RawJSON?
    package var packet: WirePacket?
    // Requests of versions before 6 about a single socket.
    package var sid: String?
    package var room: WireRoom?

    package init(
        uid: String?, requestID: String? = nil, type: ClusterRequestType, opts: BroadcastOptions? = nil,
        rooms: [String]? = nil, close: Bool? = nil, data: RawJSON? = nil
    ) {
        self.uid = uid
        self.requestId = requestID
        self.type = type.rawValue
        self.opts = opts.map { WireOptions($0) }
        self.rooms = rooms.map(WireRoomList.init)
        self.close = close
        self.data = data
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        uid = try container.decodeIfPresent(WireID.self, forKey: .uid)?.text
        requestId = try container.decodeIfPresent(WireID.self, forKey: .requestId)?.text
        type = try container.decode(Int.self, forKey: .type)
        opts = WireOptions.given(try container.decodeIfPresent(WireOptions.self, forKey: .opts))
        rooms = try container.decodeIfPresent(WireRoomList.self, forKey: .rooms)
        close = try container.decodeIfPresent(WireTruth.self, forKey: .close)?.isTrue
        if container.contains(.data) { data = try container.decode(RawJSON.self, forKey: .data) }
        packet = try container.decodeIfPresent(WirePacket.self, forKey: .packet)
        sid = try container.decodeIfPresent(WireID.self, forKey: .sid)?.text
        room = try? container.decodeIfPresent(WireRoom.self, forKey: .room)
    }

    package var text: ByteBuffer {
        get throws { try RawJSON(encoding: self).text }
    }
}
