// Part of socketio-server, MIT licence; see LICENSE.

package import SocketIOCore

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
