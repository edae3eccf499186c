// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// Keeps everything in this process, until it ends. For one server, and for tests.
public actor MemoryStore: HistoryStore {
    let state: State
    private let box: NIOLockedValueBox<ChatLimits>

    /// An empty store.
    public init(limits: ChatLimits = ChatLimits()) {
        box = NIOLockedValueBox(limits)
        state = State(box)
    }

    /// The limits in force.
    public nonisolated var limits: ChatLimits {
        get { box.withLockedValue { $0 } }
        set { box.withLockedValue { $0 = newValue } }
    }

    /// The number of bytes of the kept messages, and of their rooms.
    var size: (bytes: Int, rooms: Int) { (state.bytes, state.rooms.count) }

    /// See ``HistoryStore/secret(_:)``.
    public func secret(_ candidate: String) async throws -> String {
        let secret = state.secret ?? candidate
        state.secret = secret
        return secret
    }

    // MARK: Rooms

    /// See ``HistoryStore/create(_:)``.
    public func create(_ room: ChatRoom) async throws -> ChatRoom {
        if let known = state.rooms[room.key] { return known.room }
        let limits = state.limits
        guard state.rooms.count < limits.historyRooms else { throw HistoryStoreError.full }
        guard room.space.isEmpty || state.spaces[room.space]?.count ?? 0 < limits.maxChannels else {
            throw HistoryStoreError.tooManyChannels
        }
        if !room.owner.isEmpty {
            let begun = state.begun[room.owner] ?? 0
            guard begun < limits.maxPlaces else { throw HistoryStoreError.tooManyBegun }
            state.begun[room.owner] = begun + 1
            state.newcomers.remove(room.owner)
        }
        state.rooms[room.key] = Room(room)
        if !room.space.isEmpty { state.spaces[room.space, default: []].insert(room.key) }
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
        guard let known = state.rooms[room], known.members[member.person] == nil else { return }
        var member = member
        member.read = known.last
        member.delivered = known.last
        known.members[member.person] = member
        state.places[member.person, default: []].insert(room)
        if RoomKey(room)?.isConversation == true { state.newcomers.remove(member.person) }
    }

    /// See ``HistoryStore/leave(_:room:)``.
    public func leave(_ person: String, room: String) async throws {
        state.rooms[room]?.members[person] = nil
        state.places[person]?.remove(room)
    }

    /// See ``HistoryStore/moderate(_:in:role:mutedUntil:)``.
    public func moderate(_ person: String, in room: String, role: ChatMember.Role, mutedUntil: Int64) async throws {
        state.rooms[room]?.members[person]?.role = role
        state.rooms[room]?.members[person]?.mutedUntil = mutedUntil
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
            guard let member = state.rooms[key]?.members[person], member.role != .banned else { continue }
            switch RoomKey(key) {
            case .community: counts.communities += 1
            case .direct, .group: counts.conversations += 1
            case .channel, nil: break
            }
        }
        return counts
    }

    /// See ``HistoryStore/trim(now:)``.
    public func trim(now: Int64) async throws {
        let limits = state.limits
        let oldest = limits.historyDays == 0 ? 0 : now - Int64(limits.historyDays) * 86_400_000
        for room in state.rooms.values {
            while let first = room.messages.first, first.time < oldest { state.removeOldest(of: room) }
            state.trim(room)
        }
        state.trimAll()
        state.trimFiles(except: nil)
        state.forgetNewcomers(seenBefore: now - limits.nameHoldMilliseconds)
    }

    /// See ``HistoryStore/close()``.
    public func close() async {}
}
