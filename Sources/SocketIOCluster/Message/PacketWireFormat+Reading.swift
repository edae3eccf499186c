// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
package import SocketIOCore
package import SocketIOServer

/// Broadcasts of other nodes, of which nothing is believed.
extension PacketWireFormat {
    /// What `body` reads.
    package static func reading<Value>(_ body: () throws -> Value) throws(WireFormatError) -> Value {
        do {
            return try body()
        } catch let error as MessagePackError {
            throw .messagePack(error)
        } catch let error as WireFormatError {
            throw error
        } catch {
            throw .json
        }
    }

    /// Reads over the packet map and returns where its data begins; nil when the namespace is another one.
    package static func findData(_ reader: inout MessagePackReader, namespace: String) throws -> Int? {
        var data: Int?
        var isOurs = true
        for _ in 0..<(try reader.mapHead()) {
            let key = try reader.text()
            if reader.equals(key, "data") {
                data = try reader.skip().lowerBound
            } else if reader.equals(key, "nsp") {
                guard case .string(let range) = try reader.next() else { throw WireFormatError.shape("nsp") }
                isOurs = reader.string(range).hasSameBytes(as: namespace)
            } else {
                try reader.skip()
            }
        }
        guard isOurs else { return nil }
        guard let data else { throw WireFormatError.shape("no data") }
        return data
    }

    /// The data of an event: an array that begins with a name.
    package static func packet(
        _ reader: inout MessagePackReader, namespace: String, limits: MessagePackLimits
    ) throws -> BroadcastPacket {
        let start = reader.offset
        guard try reader.arrayHead() >= 1 else { throw WireFormatError.shape("no event name") }
        let name: String
        switch try reader.next() {
        case .string(let range): name = reader.string(range)
        case .integer(let number): name = String(number)
        default: throw WireFormatError.shape("event name")
        }
        reader.move(to: start)
        let data = try MessagePackJSON.read(&reader, limits: limits)
        return BroadcastPacket(namespace: namespace, event: name, data: data)
    }

    /// - Parameter most: how many rooms and exceptions there may be.
    package static func options(_ reader: inout MessagePackReader, most: Int) throws -> BroadcastOptions {
        var (rooms, except, flags) = ([String](), [String](), BroadcastFlags())
        for _ in 0..<(try reader.mapHead()) {
            let key = try reader.text()
            if reader.equals(key, "rooms") {
                rooms = try names(&reader, most: most - except.count)
            } else if reader.equals(key, "except") {
                except = try names(&reader, most: most - rooms.count)
            } else if reader.equals(key, "flags") {
                flags = try self.flags(&reader)
            } else {
                try reader.skip()
            }
        }
        return BroadcastOptions(rooms: rooms, except: except, flags: flags)
    }

    /// Names of rooms. In Node they may be numbers.
    private static func names(_ reader: inout MessagePackReader, most: Int) throws -> [String] {
        let count: Int
        switch try reader.next() {
        case .null, .undefined: return []
        case .array(let elements): count = elements
        default: throw WireFormatError.shape("rooms")
        }
        guard count <= most else { throw WireFormatError.tooManyRooms }
        var names: [String] = []
        names.reserveCapacity(count)
        for _ in 0..<count {
            switch try reader.next() {
            case .string(let range), .binary(let range): names.append(reader.string(range))
            case .integer(let number): names.append(String(number))
            case .large(let number): names.append(String(number))
            case .double(let number): names.append(WireRoom.name(number))
            default: throw WireFormatError.shape("room")
            }
        }
        return names
    }

    private static func flags(_ reader: inout MessagePackReader) throws -> BroadcastFlags {
        var flags = BroadcastFlags()
        let count: Int
        switch try reader.next() {
        case .null, .undefined: return flags
        case .map(let members): count = members
        default: throw WireFormatError.shape("flags")
        }
        for _ in 0..<count {
            let key = try reader.text()
            let start = reader.offset
            switch try reader.next() {
            case .bool(let value) where reader.equals(key, "volatile"): flags.isVolatile = value
            case .bool(let value) where reader.equals(key, "compress"): flags.compress = value
            case .bool(let value) where reader.equals(key, "expectSingleResponse"): flags.expectsSingleResponse = value
            case .integer(let milliseconds) where reader.equals(key, "timeout"):
                flags.timeout = WireTime.amount(milliseconds)
            default:
                reader.move(to: start)
                try reader.skip()
            }
        }
        return flags
    }
}
