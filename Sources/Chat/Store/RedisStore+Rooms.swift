// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import SocketIOServer

extension RedisStore {
    package func create(_ room: ChatRoom) async throws -> ChatRoom {
        let stored = try await run(
            RedisScripts.removing + RedisScripts.create, room.key, room.space, try StoredJSON.text(room),
            limits.historyRooms, room.owner, limits.maxPlaces, limits.maxChannels,
            room.isPermanent ? "" : String(room.created), String(room.created - ChatLimits.unusedRoomMinimumAge))
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
    static func member(_ person: String, _ text: String) -> ChatMember? {
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
}
