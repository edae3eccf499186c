// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
package import NIOCore

/// A ``KeptSession`` as it lies in Redis: base64 of a MessagePack map (protocol 5.8).
///
/// The first four members are those of Node's adapter, in its order: `sid`, `pid`, `rooms`, with the socket's own room,
/// and `data`. The others are ours; Node passes over them.
package enum StoredSession {
    /// Limits of what is read.
    package struct Limits: Sendable {
        /// Rooms, the socket's own included.
        package var maximumRooms: Int
        /// Bytes of a room's or namespace's name, of the socket's id, and of the subject.
        package var maximumNameLength: Int
        /// The most bytes of a record as it is stored. Values in memory need many times as much.
        package var maximumBytes: Int

        package init(maximumRooms: Int = 1024, maximumNameLength: Int = 256, maximumBytes: Int = 4 << 20) {
            self.maximumRooms = maximumRooms
            self.maximumNameLength = maximumNameLength
            self.maximumBytes = maximumBytes
        }
    }

    /// Where the record of a session is.
    package enum KeyPrefix: String, Sendable {
        /// Node servers do not look here.
        case own = "sio:rec:"
        /// Shared with Node servers.
        case shared = "sio:session:"
    }

    /// The key of a session.
    package static func key(_ prefix: KeyPrefix, _ pid: PackedID) -> String { prefix.rawValue + pid.text }

    /// The value for Redis.
    ///
    /// - Throws: When `data` cannot be encoded.
    package static func encode(_ record: KeptSession, version: Int64 = 1) throws -> ByteBuffer {
        var writer = MessagePackWriter()
        let optional = (record.subject == nil ? 0 : 1) + (record.owner == nil ? 0 : 1)
        writer.writeMapHead(8 + optional)
        writer.write("sid")
        writer.write(record.sid)
        writer.write("pid")
        writer.write(record.pid.text)
        writer.write("rooms")
        writer.write(record.allRooms)
        writer.write("data")
        let data = try RawJSON(encoding: record.data)
        try writer.write(json: data.text, attachments: data.attachments)
        writer.write("v")
        writer.write(version)
        writer.write("nsp")
        writer.write(record.namespace)
        writer.write("start")
        writer.write(OffsetFormat.stream.text(record.start))
        writer.write("pos")
        writer.write(OffsetFormat.stream.text(record.position))
        if let subject = record.subject {
            writer.write("sub")
            writer.write(subject)
        }
        if let owner = record.owner {
            writer.write("owner")
            writer.write(owner)
        }
        let bytes = writer.finish()
        var text = ByteBufferAllocator().buffer(capacity: Base64.encodedLength(bytes.readableBytes))
        Base64.append(bytes.readableBytesView, to: &text)
        return text
    }

    /// Reads a value of Redis. Nil when it is no session within the limits; a session that Node wrote has no namespace,
    /// and gets the one it is wanted in.
    package static func decode(
        _ text: ByteBuffer, wantedIn namespace: String, limits: Limits
    ) -> KeptSession? {
        guard text.readableBytes <= limits.maximumBytes else { return nil }
        var reader = SessionReader(MessagePackReader(Base64.decode(text)), limits: limits)
        guard (try? reader.read()) != nil, let pid = reader.pid.flatMap({ PackedID($0) }), let sid = reader.sid else {
            return nil
        }
        let start = reader.start ?? .zero
        var record = KeptSession(
            pid: pid, sid: sid, namespace: reader.namespace ?? namespace,
            rooms: reader.rooms.filter { !$0.hasSameBytes(as: sid) }, data: reader.data, start: start,
            position: reader.position ?? EventPosition(high: .max, low: .max), subject: reader.subject,
            owner: reader.owner)
        record.isFromNodeJS = reader.namespace == nil
        return record
    }
}

/// Reads the map of a session, of which nothing is believed.
private struct SessionReader {
    private var reader: MessagePackReader
    private let limits: StoredSession.Limits
    var sid: String?
    var pid: String?
    var rooms: [String] = []
    var data = SocketValue.object(SocketObject())
    var namespace: String?
    var start: EventPosition?
    var position: EventPosition?
    var subject: String?
    var owner: String?

    init(_ reader: MessagePackReader, limits: StoredSession.Limits) {
        self.reader = reader
        self.limits = limits
    }

    mutating func read() throws {
        for _ in 0..<(try reader.mapHead()) {
            let key = try reader.text()
            if reader.equals(key, "sid") {
                sid = try name()
            } else if reader.equals(key, "pid") {
                pid = try name()
            } else if reader.equals(key, "rooms") {
                rooms = try names()
            } else if reader.equals(key, "data") {
                let json = try MessagePackJSON.read(&reader)
                data = RawJSON(validated: json.json, attachments: json.attachments).value
            } else if reader.equals(key, "nsp") {
                namespace = try name()
            } else if reader.equals(key, "start") {
                start = try OffsetFormat.stream.position(try name())
            } else if reader.equals(key, "pos") {
                position = try OffsetFormat.stream.position(try name())
            } else if reader.equals(key, "sub") {
                subject = try name()
            } else if reader.equals(key, "owner") {
                owner = try name()
            } else {
                try reader.skip()
            }
        }
        try reader.finish()
    }

    private mutating func name() throws -> String {
        let start = reader.offset
        let range = try reader.text()
        guard range.count <= limits.maximumNameLength else { throw MessagePackError.tooLong(at: start) }
        return reader.string(range)
    }

    private mutating func names() throws -> [String] {
        let start = reader.offset
        let count = try reader.arrayHead()
        guard count <= limits.maximumRooms else { throw MessagePackError.tooLong(at: start) }
        return try (0..<count).map { _ in try room() }
    }

    /// A room of a Node server may be a number.
    private mutating func room() throws -> String {
        let start = reader.offset
        if case .integer(let number) = try reader.next() { return String(number) }
        reader.move(to: start)
        return try name()
    }
}
