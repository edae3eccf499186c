// Part of socketio-server, MIT licence; see LICENSE.

package import HiredisNIO
package import Logging
internal import NIOConcurrencyHelpers
package import NIOCore
internal import SocketIOServer

/// Keeps everything in one Redis, for several servers. Each change is one script, so that all servers see the same order.
/// Redis has to write to its disk (`appendonly yes`) for messages to outlive it.
///
/// | key, after the prefix | type | what it has |
/// | --- | --- | --- |
/// | `secret`, `clock`, `bytes`, `filebytes`, `rooms`, `people` | string | secret, clock of the rooms, sums, numbers |
/// | `person:ID` | hash | name, skeleton, time |
/// | `name:SKELETON` | string | id of the person with this name |
/// | `room:KEY`, `space:ID` | string, set | a room as JSON, keys of a community's channels |
/// | `members:KEY`, `rooms:ID` | hash, set | members with their markers, rooms of a person |
/// | `state:KEY` | hash | number of the first and the last message, bytes |
/// | `log:KEY`, `ids:KEY` | hash | messages by number, numbers by sender and id |
/// | `active` | sorted set | rooms with messages, in the order of their last ones |
/// | `file:ID`, `data:ID`, `files` | hash, string, sorted set | files, by age |
package final class RedisStore: HistoryStore {
    private let client: RedisClient
    private let prefix: String
    private let box: NIOLockedValueBox<ChatLimits>

    /// Begins to connect. A call without a connection waits for two seconds, then fails.
    ///
    /// - Parameter prefix: in front of the names of all keys.
    package init(
        configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger, prefix: String,
        limits: ChatLimits = ChatLimits()
    ) {
        self.prefix = prefix
        box = NIOLockedValueBox(limits)
        client = RedisClient(configuration: configuration, eventLoop: eventLoop, logger: logger, name: "chat")
        client.start()
    }

    package var limits: ChatLimits {
        get { box.withLockedValue { $0 } }
        set { box.withLockedValue { $0 = newValue } }
    }

    package func close() async { await client.close() }

    func run(_ script: String, _ arguments: any RESPArgument...) async throws -> RESPValue {
        do {
            return try await client.execute(
                RESPCommand("EVAL", arguments: [RedisScripts.common + script, 0, prefix] + arguments),
                whenDown: .wait(.seconds(2)))
        } catch {
            let refusals: [(String, HistoryStoreError)] = [
                ("CHATREFUSED", .refused), ("CHATFULL", .full), ("CHATCHANNELS", .tooManyChannels),
                ("CHATBEGUN", .tooManyBegun),
            ]
            for (word, refusal) in refusals where error.message.utf8.contains(subsequence: word) { throw refusal }
            throw HistoryStoreError.away(error.description)
        }
    }

    package func secret(_ candidate: String) async throws -> String {
        try await run(RedisScripts.secret, candidate).stringValue ?? candidate
    }

    // MARK: People

    package func person(_ id: String) async throws -> ChatPerson? {
        guard let found = try await run(RedisScripts.person, id).arrayValue, found.count == 2,
            let name = found[0].stringValue
        else { return nil }
        return ChatPerson(id: id, name: name, seen: found[1].integerValue ?? 0)
    }

    package func claim(_ person: ChatPerson, skeleton: String, heldSince: Int64) async throws -> Bool {
        try await run(
            RedisScripts.claim, person.id, person.name, skeleton, String(person.seen), String(heldSince),
            limits.maxPeople
        ).integerValue == 1
    }

    package func left(_ person: String, at time: Int64) async throws {
        _ = try await run(RedisScripts.left, person, String(time))
    }

    // MARK: Rooms

    package func create(_ room: ChatRoom) async throws -> ChatRoom {
        let stored = try await run(
            RedisScripts.create, room.key, room.space, try StoredJSON.text(room), limits.historyRooms, room.owner,
            limits.maxPlaces, limits.maxChannels)
        return try decoded(stored) ?? room
    }

    private func decoded(_ value: RESPValue) throws -> ChatRoom? {
        try value.stringValue.map { try StoredJSON.value(ChatRoom.self, $0) }
    }

    package func room(_ key: String) async throws -> ChatRoom? { try decoded(try await run(RedisScripts.room, key)) }

    package func channels(of space: String) async throws -> [ChatRoom] {
        let found = try await run(RedisScripts.channels, space).arrayValue ?? []
        return try found.compactMap { try decoded($0) }.sorted { $0.title.precedesByBytes($1.title) }
    }

    package func join(_ member: ChatMember, room: String) async throws {
        _ = try await run(
            RedisScripts.join, room, member.person, member.role.rawValue, String(member.mutedUntil))
    }

    package func leave(_ person: String, room: String) async throws {
        _ = try await run(RedisScripts.leave, room, person)
    }

    package func moderate(_ person: String, in room: String, role: ChatMember.Role, mutedUntil: Int64) async throws {
        _ = try await run(RedisScripts.moderate, room, person, role.rawValue, String(mutedUntil))
    }

    /// `role|muted|read|delivered`.
    private static func member(_ person: String, _ text: String) -> ChatMember? {
        let parts = text.utf8.split(separator: UInt8(ascii: "|")).map { String(Substring($0)) }
        guard parts.count == 4, let role = ChatMember.Role(rawValue: parts[0]) else { return nil }
        return ChatMember(
            person: person, role: role, mutedUntil: Int64(parts[1]) ?? 0, read: Int64(parts[2]) ?? 0,
            delivered: Int64(parts[3]) ?? 0)
    }

    package func member(_ person: String, of room: String) async throws -> ChatMember? {
        try await run(RedisScripts.member, room, person).stringValue.flatMap { Self.member(person, $0) }
    }

    package func members(of room: String) async throws -> [ChatMember] {
        let found = try await run(RedisScripts.members, room).arrayValue ?? []
        return stride(from: 0, to: min(found.count, 2000) - 1, by: 2).compactMap { index in
            guard let person = found[index].stringValue, let text = found[index + 1].stringValue else { return nil }
            return Self.member(person, text)
        }
    }

    package func placeCounts(of person: String) async throws -> (communities: Int, conversations: Int) {
        let counts = try await run(RedisScripts.placeCounts, person).arrayValue ?? []
        guard counts.count == 2 else { throw HistoryStoreError.away("no counts") }
        return (Int(counts[0].integerValue ?? 0), Int(counts[1].integerValue ?? 0))
    }

    package func places(of person: String, in space: String) async throws -> [ChatPlace] {
        let found = try await run(RedisScripts.places, person, space).arrayValue ?? []
        return try stride(from: 0, to: found.count - 3, by: 4).compactMap { index in
            guard let room = try decoded(found[index]),
                let member = found[index + 1].stringValue.flatMap({ Self.member(person, $0) })
            else { return nil }
            let last = found[index + 2].integerValue ?? 0
            return ChatPlace(
                room: room, last: last, read: member.read, message: try Self.message(last, found[index + 3]),
                people: nil, role: member.role)
        }
    }

    // MARK: Messages

    /// `rev|size|time|person|id|JSON`.
    private static func stored(_ message: ChatMessage) throws -> String {
        "\(message.rev)|\(message.size)|\(message.time)|\(message.from)|\(message.id)|\(try StoredJSON.text(message))"
    }

    private static func message(_ seq: Int64, _ value: RESPValue) throws -> ChatMessage? {
        guard let text = value.stringValue, let start = text.utf8.firstIndex(of: UInt8(ascii: "{")) else { return nil }
        var message = try StoredJSON.value(ChatMessage.self, String(text[start...]))
        message.seq = seq
        return message
    }

    /// Numbers and messages in turns.
    private static func messages(_ value: RESPValue) throws -> [ChatMessage] {
        let found = value.arrayValue ?? []
        return try stride(from: 0, to: found.count - 1, by: 2).compactMap { index in
            try message(found[index].integerValue ?? 0, found[index + 1])
        }
    }

    package func append(_ message: ChatMessage) async throws -> ChatMessage {
        let limits = limits
        let stored = try await run(
            RedisScripts.append, message.room, message.from, message.id, try Self.stored(message), message.size,
            limits.historyMessages, limits.historyRoomBytes, limits.historyBytes)
        guard let found = try Self.messages(stored).first else { throw HistoryStoreError.away("not stored") }
        return found
    }

    package func message(_ seq: Int64, in room: String) async throws -> ChatMessage? {
        // The script counts in doubles.
        guard (0...MessageNumber.greatest).contains(seq) else { return nil }
        return try Self.messages(try await run(RedisScripts.range, room, String(seq), String(seq))).first
    }

    package func replace(_ message: ChatMessage) async throws -> Bool {
        try await run(
            RedisScripts.replace, message.room, String(message.seq), message.rev - 1, message.size,
            try Self.stored(message)
        ).integerValue == 1
    }

    package func messages(in room: String, before: Int64?, limit: Int) async throws -> [ChatMessage] {
        try Self.messages(try await run(RedisScripts.before, room, String(before ?? -1), limit))
    }

    package func messages(in room: String, after: Int64, limit: Int) async throws -> [ChatMessage] {
        try Self.messages(try await run(RedisScripts.after, room, String(after), limit))
    }

    package func last(in room: String) async throws -> Int64 {
        try await run(RedisScripts.last, room).integerValue ?? 0
    }

    package func mark(_ person: String, in room: String, read: Int64, delivered: Int64) async throws -> ChatMember? {
        try await run(RedisScripts.mark, room, person, String(read), String(delivered)).stringValue
            .flatMap { Self.member(person, $0) }
    }

    // MARK: Files

    package func begin(_ file: ChatFile, owner: String, now: Int64) async throws -> Int {
        Int(
            try await run(
                RedisScripts.beginFile, file.id, owner, file.size, try StoredJSON.text(file), String(now),
                limits.filesBytes
            ).integerValue ?? 0)
    }

    package func append(_ bytes: [UInt8], at offset: Int, to file: String, owner: String) async throws -> Int {
        Int(
            try await run(
                RedisScripts.appendFile, file, owner, offset, ByteBuffer(bytes: bytes), limits.filesBytes
            ).integerValue ?? 0)
    }

    package func attach(_ file: String, owner: String, to room: String) async throws -> ChatFile? {
        try await run(RedisScripts.attachFile, file, owner, room).stringValue
            .map { try StoredJSON.value(ChatFile.self, $0) }
    }

    package func read(_ file: String, in room: String, at offset: Int, count: Int) async throws -> [UInt8]? {
        try await run(RedisScripts.readFile, file, room, max(0, offset), max(0, offset) + count - 1).bytes
            .map { Array($0.readableBytesView) }
    }

    package func trim(now: Int64) async throws {
        let limits = limits
        let oldest = limits.historyDays == 0 ? 0 : now - Int64(limits.historyDays) * 86_400_000
        var start = 0
        while true {
            let count =
                try await run(
                    RedisScripts.trim, start, String(oldest), limits.historyMessages, limits.historyRoomBytes,
                    limits.historyBytes
                ).integerValue ?? 0
            guard count > 0 else { return }
            start += Int(count)
        }
    }
}

extension String.UTF8View {
    /// Whether the bytes of a text are somewhere among these.
    fileprivate func contains(subsequence text: String) -> Bool {
        let (bytes, wanted) = (Array(self), Array(text.utf8))
        guard bytes.count >= wanted.count else { return false }
        return (0...(bytes.count - wanted.count)).contains { bytes[$0..<($0 + wanted.count)].elementsEqual(wanted) }
    }
}
