// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HiredisNIO
internal import NIOCore
internal import SocketIOCore

@testable internal import SocketIOCluster
@testable internal import SocketIORedis
@testable internal import SocketIOServer

extension FuzzTarget {
    private static let names = ["uid", "nsp", "type", "data"]

    private static func limits() -> MessagePackLimits {
        var limits = MessagePackLimits()
        limits.maximumAttachments = 16
        limits.maximumTextLength = 50_000
        return limits
    }

    /// Entries of a stream: the values of `uid`, `nsp`, `type` and `data`, a line each.
    static let streamEntry = FuzzTarget(name: "stream-entry", maximumLength: 4096) { try checkEntry($0) }

    private static func checkEntry(_ input: FuzzInput) throws {
        let values = input.bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false)
        let fields = zip(names, values).map { (name: ByteBuffer(string: $0), value: ByteBuffer(bytes: $1)) }
        guard let entry = StreamEntry(fields: fields, maximumNameLength: 64) else { return }
        try require(entry.namespace.utf8.count <= 3 * 64, "the namespace has \(entry.namespace.utf8.count) bytes")
        try require(entry.type > 0, "the type is \(entry.type)")
        // What holds no base64 at all is written as nothing.
        var isEmpty = false
        if case .messagePack(let bytes) = entry.content { isEmpty = bytes.readableBytes == 0 }
        if isUTF8(values), !isEmpty {
            let written = entry.fields.map { (name: ByteBuffer(string: $0.name), value: $0.value) }
            let again = StreamEntry(fields: written, maximumNameLength: 256)
            try require(
                again == entry, "the entry \(entry) was written, and read as another one")
        }
        _ = StreamsWireFormat.echoNumber(entry)
        guard let content = try? StreamsWireFormat.message(entry, limits: limits()) else { return }
        switch content {
        case .broadcast(let packet, let options): try check(packet, options, entry, size: input.bytes.count)
        case .request(let request):
            try require(
                (request.rooms?.names.count ?? 0) <= limits().maximumRooms, "\(request.rooms as Any) rooms")
        default: break
        }
    }

    private static func isUTF8(_ values: [ArraySlice<UInt8>]) -> Bool {
        values.allSatisfy { Array(String(decoding: $0, as: UTF8.self).utf8) == Array($0) }
    }

    private static func check(
        _ packet: BroadcastPacket, _ options: BroadcastOptions, _ entry: StreamEntry, size: Int
    ) throws {
        var isJSON = true
        if case .messagePack = entry.content { isJSON = false }
        try MessagePackCheck.check(packet.data, limits: limits(), size: size, isJSON: isJSON)
        try require(
            options.rooms.count + options.except.count <= limits().maximumRooms, "\(options.rooms.count) rooms")
        _ = try? packet.arguments()
        guard !MessagePackCheck.hasLookalikes(packet.data) else { return }
        let format = StreamsWireFormat(uid: "uid", namespace: entry.namespace, stream: "s", RedisStreams())
        // Too deep, with the maps around it.
        guard let written = try? format.entry(packet, options) else { return }
        let fields = [("uid", "uid"), ("nsp", entry.namespace), ("type", "3")].map {
            (name: ByteBuffer(string: $0), value: ByteBuffer(string: $1))
        }
        let all = fields + [(name: ByteBuffer(string: "data"), value: written.payload)]
        guard let again = StreamEntry(fields: all, maximumNameLength: 256) else {
            throw FuzzFinding("an entry that was written cannot be read")
        }
        guard let read = try? StreamsWireFormat.message(again, limits: limits()) else { return }
        guard case .broadcast(let other, let otherOptions) = read else {
            throw FuzzFinding("a broadcast that was written is no broadcast")
        }
        try require(
            MessagePackCheck.areSame(other.data, packet.data, isJSON: isJSON),
            "written and read again: \(other) instead of \(packet)")
        try require(
            otherOptions.rooms == options.rooms && otherOptions.except == options.except,
            "written and read again: \(otherOptions) instead of \(options)")
    }

    /// What recovery reads: the first byte chooses between sessions in Redis, early entries, and offsets of clients.
    static let recovery = FuzzTarget(name: "recovery", maximumLength: 2048) { try checkRecovery($0) }

    private static func checkRecovery(_ input: FuzzInput) throws {
        guard let kind = input.bytes.first else { return }
        let rest = Array(input.bytes.dropFirst())
        switch kind % 3 {
        case 0: try checkSession(ByteBuffer(bytes: rest))
        case 1:
            guard let entries = EarlyEntries(ByteBuffer(bytes: rest)) else { return }
            let again = EarlyEntries(entries.text)
            try require(again?.text == entries.text, "early entries were written, and read as others")
            try require(!entries.isOpen, "early entries that were read are not complete")
            _ = entries.positions(through: entries.settled, after: .zero)
        default:
            let text = String(decoding: rest, as: UTF8.self)
            guard let (position, mark) = try? OffsetFormat.stream.read(text) else { return }
            let written = OffsetFormat.stream.text(position, mark)
            guard let again = try? OffsetFormat.stream.read(written) else {
                throw FuzzFinding("the offset \(written) is refused")
            }
            try require(again == (position, mark), "the offset \(written) is read as another one")
        }
    }

    private static func checkSession(_ text: ByteBuffer) throws {
        let limits = StoredSession.Limits(maximumRooms: 16, maximumNameLength: 64)
        guard let record = StoredSession.decode(text, wantedIn: "/", limits: limits) else { return }
        try require(record.rooms.count <= limits.maximumRooms, "\(record.rooms.count) rooms")
        guard !record.isFromNodeJS, let written = try? StoredSession.encode(record) else { return }
        // The socket's own room may be one more, and names that are not UTF-8 have become longer.
        let more = StoredSession.Limits(maximumRooms: 17, maximumNameLength: 192)
        guard let again = StoredSession.decode(written, wantedIn: "/", limits: more) else {
            throw FuzzFinding("a session that was written cannot be read")
        }
        try require(
            again.pid == record.pid && again.sid.hasSameBytes(as: record.sid) && again.start == record.start
                && again.position == record.position,
            "a session was written, and read as another one")
    }
}
