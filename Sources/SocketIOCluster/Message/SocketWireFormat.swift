// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import NIOCore
internal import NIOHTTP1
package import SocketIOCore
internal import SocketIOServer

/// A socket as `fetchSockets` passes it between nodes.
struct SocketWireFormat: Encodable {
    private let id: String
    private let handshake: HandshakeWireFormat
    private let rooms: [String]
    private let data: SocketValue

    private init(_ socket: SocketDescription, includesHeaders: Bool, includesAuth: Bool) {
        id = socket.id
        handshake = HandshakeWireFormat(
            socket.handshake, includesHeaders: includesHeaders, includesAuth: includesAuth)
        // The socket's own room comes first, as in the order in which it joined them.
        rooms = [socket.id].filter(socket.rooms.contains) + socket.rooms.subtracting([socket.id]).sorted()
        data = NodeBuffer.replacing(socket.data)
    }

    /// How many levels of nesting a response has around a socket: an object and the array in it.
    private static let depthAround = 2

    /// A socket as it is written in a response. `auth` is left out when it is nested so deeply that the whole would be
    /// too deep, since a client could cause that. All other values are the application's.
    ///
    /// - Throws: `EncodingError` for ``Socket/data`` that cannot be encoded.
    static func text(_ socket: SocketDescription, includesHeaders: Bool) throws -> RawJSON {
        do {
            return try text(SocketWireFormat(socket, includesHeaders: includesHeaders, includesAuth: true))
        } catch {
            return try text(SocketWireFormat(socket, includesHeaders: includesHeaders, includesAuth: false))
        }
    }

    /// The same without headers and `auth`, which are most of its length.
    static func reducedText(_ socket: SocketDescription) throws -> RawJSON {
        try text(SocketWireFormat(socket, includesHeaders: false, includesAuth: false))
    }

    private static func text(_ socket: SocketWireFormat) throws -> RawJSON {
        try RawJSON(encoding: socket, maximumDepth: JSONScanner.maximumDepth - depthAround)
    }

    /// The sockets of a response. Elements without an id are left out.
    static func sockets(_ value: SocketValue) -> [SocketDescription] {
        guard let elements = value.array else { return [] }
        return elements.compactMap { element in
            guard let id = element["id"]?.string else { return nil }
            let rooms = (element["rooms"]?.array ?? []).compactMap(name)
            return SocketDescription(
                id: id, handshake: HandshakeWireFormat.handshake(element["handshake"] ?? .null), rooms: NameSet(rooms),
                data: element["data"] ?? .object(SocketObject()))
        }
    }

    private static func name(_ room: SocketValue) -> String? {
        switch room {
        case .string(let name): name
        case .int, .double: room.description
        default: nil
        }
    }
}

/// A handshake as Node shows it.
struct HandshakeWireFormat: Encodable {
    private let headers: SocketValue
    private let time: String
    private let address: String
    private let xdomain: Bool
    private let secure: Bool
    private let issued: Int64
    private let url: String
    private let query: SocketValue
    private let auth: RawJSON

    init(_ handshake: Handshake, includesHeaders: Bool, includesAuth: Bool) {
        var headers = SocketObject()
        if includesHeaders {
            for (name, value) in HandshakeInfo.fields(handshake.headers) {
                headers[name] =
                    switch value {
                    case .one(let text): .string(text)
                    case .list(let texts): .array(texts.map { .string($0) })
                    }
            }
        }
        var query = SocketObject()
        for (name, value) in QueryParameters(target: handshake.url).all { query[name] = .string(value) }
        self.headers = .object(headers)
        time = handshake.time
        address = handshake.address
        xdomain = handshake.xdomain
        secure = handshake.secure
        issued = handshake.issued
        url = handshake.url
        self.query = .object(query)
        // Values from JSON cannot contain binary data.
        auth = includesAuth ? handshake.authText ?? Self.noAuth : Self.noAuth
    }

    private static let noAuth = RawJSON(validated: ByteBuffer(staticString: "{}"), attachments: [])

    /// A handshake of any node; missing values are empty.
    static func handshake(_ value: SocketValue) -> Handshake {
        var headers = HTTPHeaders()
        for (name, value) in value["headers"]?.object ?? SocketObject() {
            switch value {
            case .string(let text): headers.add(name: name, value: text)
            case .array(let texts): for text in texts { headers.add(name: name, value: text.string ?? "") }
            default: break
            }
        }
        let issued = Int64(value["issued"]?.int ?? 0)
        return Handshake(
            request: HandshakeInfo(
                method: "GET", url: value["url"]?.string ?? "", headers: headers,
                remoteAddress: value["address"]?.string ?? "", isSecure: value["secure"]?.bool ?? false, time: issued),
            auth: value["auth"] ?? .object(SocketObject()), issued: issued)
    }
}

/// How Node writes binary data where only JSON is available: `{"type":"Buffer","data":[1,2,3]}`.
package enum NodeBuffer {
    package static func replacing(_ value: SocketValue) -> SocketValue {
        switch value {
        case .binary(let data):
            var object = SocketObject()
            object["type"] = "Buffer"
            object["data"] = .array(data.bytes.map { .int(Int64($0)) })
            return .object(object)
        case .array(let elements): return .array(elements.map(replacing))
        case .object(let members):
            return .object(SocketObject(members.map { (key: $0.key, value: replacing($0.value)) }))
        default: return value
        }
    }

    /// A value without attachments, for formats that have no place for them.
    package static func text(_ raw: RawJSON) throws -> RawJSON {
        raw.hasAttachments ? try RawJSON(encoding: replacing(raw.value)) : raw
    }
}
