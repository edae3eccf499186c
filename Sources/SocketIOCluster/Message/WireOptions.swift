// Part of socketio-server, MIT licence; see LICENSE.

package import SocketIOCore

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
