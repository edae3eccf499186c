// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// Why a message of another node cannot be used.
enum WireFormatError: Error, Equatable {
    case messagePack(MessagePackError)
    case json
    /// Readable, but not what belongs here.
    case shape(String)
    /// More rooms than one message may name.
    case tooManyRooms
}

/// Broadcasts as the Node adapter writes them (spec 5.4.2): `[uid, {type, data, nsp}, {rooms, except, flags}]`.
enum PubSubWireFormat {
    /// Rooms and exceptions one message may name.
    static let maximumRooms = 65_536

    /// Whose broadcasts these are: the emitter writes the flags before the exceptions.
    enum Style {
        case adapter
        case emitter
    }

    // MARK: Writing

    static func broadcast(
        uid: String, _ packet: BroadcastPacket, options: BroadcastOptions, style: Style = .adapter
    ) throws(JSONError) -> ByteBuffer {
        var writer = MessagePackWriter(capacity: packet.data.json.readableBytes + 160)
        writer.writeArrayHead(3)
        writer.write(uid)
        try write(packet, to: &writer)
        write(options, style: style, to: &writer)
        return writer.finish()
    }

    /// A request for acknowledgements, type 7.
    static func acknowledgedBroadcast(
        uid: String, requestID: String, _ packet: BroadcastPacket, options: BroadcastOptions
    ) throws(JSONError) -> ByteBuffer {
        var writer = MessagePackWriter(capacity: packet.data.json.readableBytes + 200)
        writer.writeMapHead(5)
        writer.write("uid" as StaticString)
        writer.write(uid)
        writer.write("requestId" as StaticString)
        writer.write(requestID)
        writer.write("type" as StaticString)
        writer.write(Int64(ClusterRequestType.broadcast.rawValue))
        writer.write("packet" as StaticString)
        try write(packet, to: &writer)
        writer.write("opts" as StaticString)
        write(options, style: .adapter, to: &writer)
        return writer.finish()
    }

    /// One client's acknowledgement, type 9. `signature` is added for peers that understand it.
    static func acknowledgement(
        requestID: String, _ value: RawJSON?, signature: (uid: String, socketID: String?)?
    ) throws(JSONError) -> ByteBuffer {
        var writer = MessagePackWriter(capacity: 128)
        let extra = signature.map { $0.socketID == nil ? 1 : 2 } ?? 0
        writer.writeMapHead((value == nil ? 2 : 3) + extra)
        writer.write("type" as StaticString)
        writer.write(Int64(ClusterRequestType.broadcastAck.rawValue))
        writer.write("requestId" as StaticString)
        writer.write(requestID)
        if let value {
            writer.write("packet" as StaticString)
            try writer.write(json: value.text, attachments: value.attachments)
        }
        if let signature {
            writer.write("uid" as StaticString)
            writer.write(signature.uid)
            if let socketID = signature.socketID {
                writer.write("sid" as StaticString)
                writer.write(socketID)
            }
        }
        return writer.finish()
    }

    private static func write(_ packet: BroadcastPacket, to writer: inout MessagePackWriter) throws(JSONError) {
        writer.writeMapHead(3)
        writer.write("type" as StaticString)
        // An event, never a binary one: byte strings are part of the data here.
        writer.write(Int64(2))
        writer.write("data" as StaticString)
        try writer.write(json: packet.data.json, attachments: packet.data.attachments)
        writer.write("nsp" as StaticString)
        writer.write(packet.namespace)
    }

    private static func write(_ options: BroadcastOptions, style: Style, to writer: inout MessagePackWriter) {
        writer.writeMapHead(3)
        writer.write("rooms" as StaticString)
        writer.write(options.rooms)
        if style == .emitter { write(options.flags, to: &writer) }
        writer.write("except" as StaticString)
        writer.write(options.except)
        if style == .adapter { write(options.flags, to: &writer) }
    }

    private static func write(_ flags: BroadcastFlags, to writer: inout MessagePackWriter) {
        writer.write("flags" as StaticString)
        let count = [flags.expectsSingleResponse, flags.isVolatile, !flags.compress, flags.timeout != nil].count { $0 }
        writer.writeMapHead(count)
        if flags.expectsSingleResponse {
            writer.write("expectSingleResponse" as StaticString)
            writer.write(true)
        }
        if flags.isVolatile {
            writer.write("volatile" as StaticString)
            writer.write(true)
        }
        if !flags.compress {
            writer.write("compress" as StaticString)
            writer.write(false)
        }
        if let timeout = flags.timeout {
            writer.write("timeout" as StaticString)
            writer.write(timeout.nanoseconds / 1_000_000)
        }
    }

    // MARK: Reading

    /// The sender of a broadcast, without looking at the rest; nil when it is not one.
    static func sender(of message: ByteBuffer) -> String? {
        var reader = MessagePackReader(message)
        guard (try? reader.arrayHead()).map({ $0 >= 2 }) == true, let uid = try? reader.text() else { return nil }
        return reader.string(uid)
    }

    /// A broadcast of another node; nil when it belongs to another namespace.
    static func broadcast(
        _ message: ByteBuffer, namespace: String, limits: MessagePackLimits
    ) throws(WireFormatError) -> (BroadcastPacket, BroadcastOptions)? {
        do {
            var reader = MessagePackReader(message)
            guard try reader.arrayHead() >= 3 else { throw WireFormatError.shape("array too short") }
            try reader.skip()
            guard let data = try findData(&reader, namespace: namespace) else { return nil }
            let options = try options(&reader)
            let end = reader.offset
            reader.move(to: data)
            let packet = try packet(&reader, namespace: namespace, limits: limits)
            reader.move(to: end)
            return (packet, options)
        } catch let error as MessagePackError {
            throw .messagePack(error)
        } catch let error as WireFormatError {
            throw error
        } catch {
            throw .json
        }
    }

    /// Reads over the packet map and returns where its data begins; nil when the namespace is another one.
    private static func findData(_ reader: inout MessagePackReader, namespace: String) throws -> Int? {
        var data: Int?
        var isOurs = true
        for _ in 0..<(try reader.mapHead()) {
            let key = try reader.text()
            if reader.equals(key, "data") {
                data = try reader.skip().lowerBound
            } else if reader.equals(key, "nsp") {
                guard case .string(let range) = try reader.next() else { throw WireFormatError.shape("nsp") }
                isOurs = reader.string(range) == namespace
            } else {
                try reader.skip()
            }
        }
        guard isOurs else { return nil }
        guard let data else { throw WireFormatError.shape("no data") }
        return data
    }

    /// The data of an event: an array that begins with a name.
    private static func packet(
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

    private static func options(_ reader: inout MessagePackReader) throws -> BroadcastOptions {
        var (rooms, except, flags) = ([String](), [String](), BroadcastFlags())
        for _ in 0..<(try reader.mapHead()) {
            let key = try reader.text()
            if reader.equals(key, "rooms") {
                rooms = try names(&reader)
            } else if reader.equals(key, "except") {
                except = try names(&reader)
            } else if reader.equals(key, "flags") {
                flags = try self.flags(&reader)
            } else {
                try reader.skip()
            }
        }
        return BroadcastOptions(rooms: rooms, except: except, flags: flags)
    }

    /// Names of rooms. In Node they may be numbers.
    private static func names(_ reader: inout MessagePackReader) throws -> [String] {
        let count: Int
        switch try reader.next() {
        case .null, .undefined: return []
        case .array(let elements): count = elements
        default: throw WireFormatError.shape("rooms")
        }
        guard count <= maximumRooms else { throw WireFormatError.tooManyRooms }
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

/// Times from other nodes, kept within what a timer may be set to.
enum WireTime {
    static func amount(_ milliseconds: Int64) -> TimeAmount {
        .milliseconds(min(max(milliseconds, 0), 24 * 3_600_000))
    }
}
