// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
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

/// The name of a room, which may be a number in Node.
package struct WireRoom: Codable {
    package let name: String

    package init(_ name: String) {
        self.name = name
    }

    package init(from decoder: any Decoder) throws {
        guard let name = Self.name(try SocketValue(from: decoder)) else { throw WireFormatError.shape("room") }
        self.name = name
    }

    /// The name that a value stands for; nil for any other value.
    package static func name(_ value: SocketValue) -> String? {
        switch value {
        case .string(let name): name
        case .int(let number): String(number)
        case .double(let number): Self.name(number)
        case .binary(let data): String(decoding: data.bytes, as: UTF8.self)
        default: nil
        }
    }

    package func encode(to encoder: any Encoder) throws { try name.encode(to: encoder) }

    /// A number as JavaScript writes it.
    package static func name(_ number: Double) -> String { SocketValue.double(number).description }
}

/// The limits that a decoder of requests applies.
final class WireLimits {
    private let rooms: Int

    init(rooms: Int) { self.rooms = rooms }

    /// How many rooms a message may name.
    static func rooms(of decoder: any Decoder) -> Int {
        ((decoder as? PayloadDecoder)?.context as? WireLimits)?.rooms ?? MessagePackLimits().maximumRooms
    }
}

/// The rooms in a request. A list that is too long is refused before its first element is decoded.
///
/// `false` and an object without members count as no list, a single name as a list with it; see ``WireNames`` for the rest.
package struct WireRoomList: Codable {
    private var list = WireNames()
    /// Whether there is a list.
    package private(set) var isGiven = true

    package var names: [String] { list.names }
    /// The rooms to reach; see ``WireNames/recipients``.
    package var recipients: [String] { list.recipients }

    package init(_ names: [String]) {
        for name in names { list.append(name) }
    }

    package init(from decoder: any Decoder) throws {
        guard var container = try? decoder.unkeyedContainer() else {
            switch try SocketValue(from: decoder) {
            case .null, .bool(false): isGiven = false
            case .object(let members) where members.isEmpty: isGiven = false
            case let value: list.append(WireRoom.name(value))
            }
            return
        }
        if let count = container.count {
            guard count <= WireLimits.rooms(of: decoder) else { throw WireFormatError.tooManyRooms }
            list.reserve(count)
        }
        while !container.isAtEnd { list.append(WireRoom.name(try container.decode(SocketValue.self))) }
    }

    package func encode(to encoder: any Encoder) throws { try names.encode(to: encoder) }
}

/// The sockets that a request selects. A list instead of a map, which PHP writes for an empty map, counts as one
/// without members.
package struct WireOptions: Codable {
    package var rooms = WireRoomList([])
    /// Whether there is a list of rooms. An empty list means all sockets; a missing list may be a mistake.
    package private(set) var namesRooms = true
    package var except = WireRoomList([])
    package var flags: WireFlags?
    private var isGiven = true

    private enum CodingKeys: CodingKey {
        case rooms, except, flags
    }

    /// The options of a message. As in Node, `null` and `false` count as missing.
    package static func given(_ options: WireOptions?) -> WireOptions? {
        options.flatMap { $0.isGiven ? $0 : nil }
    }

    package init(_ options: BroadcastOptions, includesFlags: Bool = false) {
        rooms = WireRoomList(options.rooms)
        except = WireRoomList(options.except)
        if includesFlags { flags = WireFlags(options.flags) }
    }

    package init(from decoder: any Decoder) throws {
        guard (try? decoder.unkeyedContainer()) == nil else {
            namesRooms = false
            return
        }
        guard let container = try? decoder.container(keyedBy: CodingKeys.self) else {
            guard !(try WireTruth(from: decoder).isTrue) else { throw WireFormatError.shape("opts") }
            isGiven = false
            return
        }
        let rooms = try container.decodeIfPresent(WireRoomList.self, forKey: .rooms)
        self.rooms = rooms ?? WireRoomList([])
        namesRooms = rooms?.isGiven ?? false
        except = try container.decodeIfPresent(WireRoomList.self, forKey: .except) ?? WireRoomList([])
        flags = try container.decodeIfPresent(WireFlags.self, forKey: .flags)
        guard self.rooms.names.count + except.names.count <= WireLimits.rooms(of: decoder) else {
            throw WireFormatError.tooManyRooms
        }
    }

    package var options: BroadcastOptions {
        BroadcastOptions(rooms: rooms.recipients, except: except.names, flags: flags?.flags ?? BroadcastFlags())
    }
}

/// The flags of an acknowledged broadcast. A value that is not an object counts as no flags.
package struct WireFlags: Codable {
    package var `volatile`: Bool?
    package var compress: Bool?
    package var timeout: Double?
    package var expectSingleResponse: Bool?

    /// The flags that differ from their defaults.
    package init(_ flags: BroadcastFlags) {
        self.volatile = flags.isVolatile ? true : nil
        compress = flags.compress ? nil : false
        timeout = flags.timeout.map { Double($0.wholeMilliseconds) }
        expectSingleResponse = flags.expectsSingleResponse ? true : nil
    }

    package init(from decoder: any Decoder) throws {
        guard let container = try? decoder.container(keyedBy: CodingKeys.self) else { return }
        self.volatile = try container.decodeIfPresent(WireTruth.self, forKey: .volatile)?.isTrue
        compress = try? container.decodeIfPresent(Bool.self, forKey: .compress)
        timeout = try? container.decodeIfPresent(Double.self, forKey: .timeout)
        expectSingleResponse = try container.decodeIfPresent(WireTruth.self, forKey: .expectSingleResponse)?.isTrue
    }

    package var flags: BroadcastFlags {
        var flags = BroadcastFlags(
            isVolatile: self.volatile ?? false, compress: compress ?? true, timeout: timeout.flatMap(WireTime.amount))
        flags.expectsSingleResponse = expectSingleResponse ?? false
        return flags
    }
}

/// A value of any kind, converted to a truth value as in JavaScript.
struct WireTruth: Decodable {
    let isTrue: Bool

    init(from decoder: any Decoder) throws {
        isTrue =
            switch try SocketValue(from: decoder) {
            case .null, .bool(false), .int(0): false
            case .double(let number): !(number == 0 || number.isNaN)
            case .string(let text): !text.isEmpty
            default: true
            }
    }
}

/// An id: a text, or in other implementations a number; nil for any other value.
struct WireID: Decodable {
    let text: String?

    init(from decoder: any Decoder) throws { text = WireRoom.name(try SocketValue(from: decoder)) }
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

/// A message of another node whose ids become the keys of tables here, so their length is checked first.
package protocol IdentifiedMessage {
    /// The ids of the message.
    var ids: [String?] { get }
}

extension ClusterRequest: IdentifiedMessage {
    package var ids: [String?] { [uid, requestId, sid] }
}

extension ClusterResponse: IdentifiedMessage {
    package var ids: [String?] { [uid, requestId, sid] }
}

extension PeerMessage: IdentifiedMessage {
    package var ids: [String?] { [node, id] }
}

/// Requests and responses are JSON or MessagePack; a MessagePack map never begins with `{`.
package enum WireMessage {
    package static func decode<Message: Decodable & IdentifiedMessage>(
        _ type: Message.Type, _ message: ByteBuffer, limits: MessagePackLimits
    ) throws(WireFormatError) -> Message {
        do {
            let message = try raw(message, limits: limits).decode(type, context: WireLimits(rooms: limits.maximumRooms))
            guard message.ids.allSatisfy({ $0.map { $0.utf8.count <= PacketWireFormat.maximumIDBytes } ?? true }) else {
                throw WireFormatError.shape("an id is too long")
            }
            return message
        } catch let error as MessagePackError {
            throw .messagePack(error)
        } catch let error as WireFormatError {
            throw error
        } catch let error as JSONError where error.kind == .tooDeep {
            throw .tooDeep
        } catch {
            throw .json
        }
    }

    /// The JSON of a message, or of part of a message, in either format.
    package static func json(_ message: ByteBuffer, limits: MessagePackLimits) throws(WireFormatError) -> RawJSON {
        do {
            return try raw(message, limits: limits)
        } catch let error as MessagePackError {
            throw .messagePack(error)
        } catch let error as JSONError where error.kind == .tooDeep {
            throw .tooDeep
        } catch {
            throw .json
        }
    }

    private static func raw(_ message: ByteBuffer, limits: MessagePackLimits) throws -> RawJSON {
        if message.readableBytesView.first == UInt8(ascii: "{") {
            try JSONScanner.validate(message, maximumDepth: limits.maximumDepth)
            return RawJSON(validated: message, attachments: [])
        }
        var reader = MessagePackReader(message)
        let json = try MessagePackJSON.read(&reader, limits: limits)
        try reader.finish()
        return RawJSON(validated: json.json, attachments: json.attachments)
    }
}

extension RawJSON {
    /// The name and the arguments of an event.
    package init(_ arguments: EncodedArguments) {
        self.init(validated: arguments.json, attachments: arguments.attachments)
    }
}
