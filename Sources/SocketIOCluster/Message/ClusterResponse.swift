// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import SocketIOCore

/// A response of another node, of any type.
package struct ClusterResponse: Codable {
    package var type: Int?
    package var requestId: String
    package var sockets: RawJSON?
    package var rooms: [WireRoom]?
    package var clientCount: Double?
    /// Null and a missing value are different here.
    package var data: RawJSON?
    package var packet: RawJSON?
    // Only nodes of this kind use the following members.
    package var uid: String?
    package var sid: String?
    package var gone: Bool?
    /// The sockets that a broadcast has reached.
    package var sids: [String]?
    /// The place of this part of an answer, from 0; nil for an answer in one piece.
    package var part: Int?
    /// Whether further parts follow.
    package var more: Bool?
    /// Why there is no answer.
    package var error: String?

    package init(requestID: String, type: ClusterRequestType? = nil, uid: String?) {
        self.requestId = requestID
        self.type = type?.rawValue
        self.uid = uid
    }

    private enum CodingKeys: CodingKey {
        case type, requestId, sockets, rooms, clientCount, data, packet, uid, sid, gone, sids, part, more, error
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard let id = try container.decode(WireID.self, forKey: .requestId).text else {
            throw WireFormatError.shape("requestId")
        }
        requestId = id
        type = try container.decodeIfPresent(Int.self, forKey: .type)
        uid = try container.decodeIfPresent(String.self, forKey: .uid)
        sid = try container.decodeIfPresent(String.self, forKey: .sid)
        gone = try container.decodeIfPresent(Bool.self, forKey: .gone)
        // Ids of an unknown form count as missing, because their number is what matters.
        if uid != nil { sids = try? container.decodeIfPresent([String].self, forKey: .sids) }
        part = try container.decodeIfPresent(Int.self, forKey: .part)
        more = try container.decodeIfPresent(Bool.self, forKey: .more)
        // A server that sends no uid may use a member of this name for something else, so it is not taken for an error.
        error = uid == nil ? nil : try container.decodeIfPresent(String.self, forKey: .error)
        clientCount = try container.decodeIfPresent(Double.self, forKey: .clientCount)
        sockets = try container.decodeIfPresent(RawJSON.self, forKey: .sockets)
        // A value of another form counts as an answer without content (protocol 5.4.3).
        rooms = try? container.decodeIfPresent([WireID].self, forKey: .rooms)?.compactMap(\.text).map(WireRoom.init)
        if container.contains(.data) { data = try container.decode(RawJSON.self, forKey: .data) }
        if container.contains(.packet) { packet = try container.decode(RawJSON.self, forKey: .packet) }
    }

    package var text: ByteBuffer {
        get throws { try RawJSON(encoding: self).text }
    }
}
