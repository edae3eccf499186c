// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

// Rooms and their members.
extension MemoryStore {
    /// See ``HistoryStore/create(_:)``.
    public func create(_ room: ChatRoom) async throws -> ChatRoom {
        if let existing = state.rooms[room.key] { return existing.room }
        let limits = state.limits
        let begun = state.begun[room.owner] ?? 0
        guard room.owner.isEmpty || begun < limits.maxPlaces else { throw HistoryStoreError.tooManyBegun }
        try state.makePlace(for: room, limits)
        if !room.owner.isEmpty {
            state.begun[room.owner, default: 0] += 1
            state.newcomers.remove(room.owner)
        }
        state.rooms[room.key] = Room(room)
        if !room.space.isEmpty { state.spaces[room.space, default: []].insert(room.key) }
        state.addUnused(room)
        return room
    }

    /// See ``HistoryStore/room(_:)``.
    public func room(_ key: String) async throws -> ChatRoom? { state.rooms[key]?.room }

    /// See ``HistoryStore/channels(of:)``.
    public func channels(of space: String) async throws -> [ChatRoom] {
        (state.spaces[space] ?? []).compactMap { state.rooms[$0]?.room }
            .sorted { $0.title.precedesByBytes($1.title) }
    }

    /// See ``HistoryStore/join(_:room:)``.
    public func join(_ member: ChatMember, room: String) async throws {
        guard let existing = state.rooms[room], existing.members[member.person] == nil else { return }
        var member = member
        member.read = existing.last
        member.delivered = existing.last
        existing.members[member.person] = member
        state.places[member.person, default: []].insert(room)
        if RoomKey(room)?.isConversation == true { state.newcomers.remove(member.person) }
    }

    /// See ``HistoryStore/leave(_:room:)``.
    public func leave(_ person: String, room: String) async throws {
        state.rooms[room]?.members[person] = nil
        state.removePlace(room, of: person)
    }

    /// See ``HistoryStore/moderate(_:in:role:mutedUntil:)``.
    public func moderate(_ person: String, in room: String, role: ChatMember.Role, mutedUntil: Int64) async throws {
        guard let existing = state.rooms[room], var member = existing.members[person] else { return }
        member.role = role
        member.mutedUntil = mutedUntil
        existing.members[person] = member
        if role == .banned {
            state.removePlace(room, of: person)
        } else {
            state.places[person, default: []].insert(room)
        }
        state.newcomers.remove(person)
    }

    /// See ``HistoryStore/member(_:of:)``.
    public func member(_ person: String, of room: String) async throws -> ChatMember? {
        state.rooms[room]?.members[person]
    }

    /// See ``HistoryStore/members(of:)``.
    public func members(of room: String) async throws -> [ChatMember] {
        Array((state.rooms[room]?.members.values.map { $0 } ?? []).prefix(1000))
    }

    /// See ``HistoryStore/places(of:in:)``.
    public func places(of person: String, in space: String) async throws -> [ChatPlace] {
        (state.places[person] ?? []).compactMap { key in
            guard let room = state.rooms[key], room.room.space.hasSameBytes(as: space),
                let member = room.members[person]
            else { return nil }
            return ChatPlace(
                room: room.room, last: room.last, read: member.read, message: room.messages.last, role: member.role)
        }
    }

    /// See ``HistoryStore/placeCounts(of:)``.
    public func placeCounts(of person: String) async throws -> (communities: Int, conversations: Int) {
        var counts = (communities: 0, conversations: 0)
        for key in state.places[person] ?? [] {
            switch RoomKey(key) {
            case .community: counts.communities += 1
            case .direct, .group: counts.conversations += 1
            case .channel, nil: break
            }
        }
        return counts
    }
}
