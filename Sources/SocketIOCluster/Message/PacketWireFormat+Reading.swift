// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
package import SocketIOCore
package import SocketIOServer

/// Reads broadcasts of other nodes and checks everything in them.
extension PacketWireFormat {
    /// Runs `body` and turns its errors into a ``WireFormatError``.
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

    /// Reads past the packet map and returns where its data begins; nil when the packet is for another namespace.
    ///
    /// - Parameter isMain: Whether the message belongs to this namespace if it names none.
    package static func findData(
        _ reader: inout MessagePackReader, namespace: String, unnamed isMain: Bool
    ) throws -> Int? {
        var data: Int?
        var isOurs = isMain
        for _ in 0..<(try reader.mapHead()) {
            let key = try key(&reader)
            if reader.equals(key, "data") {
                data = try reader.skip().lowerBound
            } else if reader.equals(key, "nsp") {
                switch try reader.next() {
                case .string(let range), .binary(let range): isOurs = reader.string(range).hasSameBytes(as: namespace)
                case .null, .undefined: break
                default: throw WireFormatError.shape("nsp")
                }
            } else {
                try reader.skip()
            }
        }
        guard isOurs else { return nil }
        guard let data else { throw WireFormatError.shape("no data") }
        return data
    }

    /// The name of a member. A key that is not a text counts as the empty name, which no known member has.
    package static func key(_ reader: inout MessagePackReader) throws -> Range<Int> {
        let start = reader.offset
        switch try reader.next() {
        case .string(let range), .binary(let range): return range
        default:
            reader.move(to: start)
            try reader.skip()
            return 0..<0
        }
    }

    /// The data of an event: an array that begins with a name.
    package static func packet(
        _ reader: inout MessagePackReader, namespace: String, limits: MessagePackLimits
    ) throws -> BroadcastPacket {
        let start = reader.offset
        guard try reader.arrayHead() >= 1 else { throw WireFormatError.shape("no event name") }
        let name: String
        switch try reader.next() {
        case .string(let range), .binary(let range): name = reader.string(range)
        case .integer(let number): name = String(number)
        default: throw WireFormatError.shape("event name")
        }
        reader.move(to: start)
        let data = try MessagePackJSON.read(&reader, limits: limits, beginsWithName: true)
        return BroadcastPacket(namespace: namespace, event: name, data: data)
    }

    /// The recipients and flags as Node understands them. Emitters in other languages leave out or misshape many of
    /// these values: no options, `null`, `false` and a list (PHP's empty map) name no room, which selects all sockets.
    ///
    /// - Parameter most: the most rooms and exceptions that are allowed.
    package static func options(_ reader: inout MessagePackReader, most: Int) throws -> BroadcastOptions {
        var (rooms, except, flags) = (WireNames(), WireNames(), BroadcastFlags())
        let start = reader.offset
        switch try reader.next() {
        case .map(let members):
            for _ in 0..<members {
                let key = try key(&reader)
                if reader.equals(key, "rooms") {
                    rooms = try names(&reader, most: most - except.names.count)
                } else if reader.equals(key, "except") {
                    except = try names(&reader, most: most - rooms.names.count)
                } else if reader.equals(key, "flags") {
                    flags = try self.flags(&reader)
                } else {
                    try reader.skip()
                }
            }
        case .null, .undefined, .bool(false): break
        case .array:
            reader.move(to: start)
            try reader.skip()
        default: throw WireFormatError.shape("options")
        }
        return BroadcastOptions(rooms: rooms.recipients, except: except.names, flags: flags)
    }

    /// Reads names of rooms. In Node they may be numbers.
    private static func names(_ reader: inout MessagePackReader, most: Int) throws -> WireNames {
        var names = WireNames()
        let start = reader.offset
        switch try reader.next() {
        case .null, .undefined, .bool(false), .map(0): break
        case .array(let count):
            guard count <= most else { throw WireFormatError.tooManyRooms }
            names.reserve(count)
            for _ in 0..<count { names.append(try name(&reader)) }
        default:
            reader.move(to: start)
            names.append(try name(&reader))
        }
        return names
    }

    /// The name that follows; nil for something else.
    private static func name(_ reader: inout MessagePackReader) throws -> String? {
        let start = reader.offset
        switch try reader.next() {
        case .string(let range), .binary(let range): return reader.string(range)
        case .integer(let number): return String(number)
        case .large(let number): return String(number)
        case .double(let number): return WireRoom.name(number)
        default:
            reader.move(to: start)
            try reader.skip()
            return nil
        }
    }

    private static func flags(_ reader: inout MessagePackReader) throws -> BroadcastFlags {
        var flags = BroadcastFlags()
        let start = reader.offset
        guard case .map(let count) = try reader.next() else {
            reader.move(to: start)
            try reader.skip()
            return flags
        }
        for _ in 0..<count {
            let key = try key(&reader)
            let start = reader.offset
            let value = try reader.next()
            if reader.equals(key, "volatile") {
                flags.isVolatile = isTrue(value)
            } else if reader.equals(key, "compress") {
                flags.compress = value != .bool(false)
            } else if reader.equals(key, "expectSingleResponse") {
                flags.expectsSingleResponse = isTrue(value)
            } else if reader.equals(key, "timeout") {
                flags.timeout = timeout(value)
            }
            reader.move(to: start)
            try reader.skip()
        }
        return flags
    }

    /// Whether JavaScript would treat the value as true.
    private static func isTrue(_ value: MessagePackReader.Token) -> Bool {
        switch value {
        case .null, .undefined, .bool(false), .integer(0): false
        case .double(let number): !(number == 0 || number.isNaN)
        case .string(let range): !range.isEmpty
        default: true
        }
    }

    private static func timeout(_ value: MessagePackReader.Token) -> Duration? {
        switch value {
        case .integer(let milliseconds): WireTime.amount(milliseconds)
        case .large: WireTime.amount(.max)
        case .double(let milliseconds): WireTime.amount(milliseconds)
        default: nil
        }
    }
}
