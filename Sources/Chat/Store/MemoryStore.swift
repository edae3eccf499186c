// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// Keeps everything in this process, until it ends. For one server, and for tests.
public actor MemoryStore: HistoryStore {
    /// A room with its messages.
    final class Room {
        let room: ChatRoom
        var members: NameDictionary<ChatMember> = [:]
        /// With those that are removed but still take a place, ``removed`` of them at the beginning.
        private var stored: [ChatMessage] = []
        private var removed = 0
        var last: Int64 = 0
        var bytes = 0
        /// Counts up with each message of any room.
        var use: UInt64 = 0
        /// Numbers of the messages, by sender and id.
        var ids: NameDictionary<Int64> = [:]

        init(_ room: ChatRoom) { self.room = room }

        var messages: ArraySlice<ChatMessage> { stored[removed...] }
        var count: Int { stored.count - removed }

        subscript(seq: Int64) -> ChatMessage? {
            get { index(of: seq).map { stored[$0] } }
            set { if let index = index(of: seq), let newValue { stored[index] = newValue } }
        }

        private func index(of seq: Int64) -> Int? {
            guard let first = messages.first?.seq, seq >= first, seq <= last else { return nil }
            return removed + Int(seq - first)
        }

        func add(_ message: ChatMessage) { stored.append(message) }

        func removeFirst() -> ChatMessage? {
            guard let first = messages.first else { return nil }
            removed += 1
            if removed > 1024, removed > stored.count / 2 {
                stored.removeFirst(removed)
                removed = 0
            }
            return first
        }
    }

    struct File {
        var file: ChatFile
        var owner: String
        var room: String?
        var bytes: [UInt8] = []
        var created: Int64
    }

    /// What the store has.
    final class State {
        var limits: ChatLimits { box.withLockedValue { $0 } }
        let box: NIOLockedValueBox<ChatLimits>
        var secret: String?
        var people: NameDictionary<ChatPerson> = [:]
        var names: NameDictionary<String> = [:]
        var skeletons: NameDictionary<String> = [:]
        var rooms: NameDictionary<Room> = [:]
        var spaces: NameDictionary<NameSet> = [:]
        var places: NameDictionary<NameSet> = [:]
        var files: NameDictionary<File> = [:]
        var bytes = 0
        var fileBytes = 0
        var clock: UInt64 = 0

        init(_ box: NIOLockedValueBox<ChatLimits>) { self.box = box }
    }

    private let state: State
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

    // MARK: People

    /// See ``HistoryStore/person(_:)``.
    public func person(_ id: String) async throws -> ChatPerson? { state.people[id] }

    /// See ``HistoryStore/claim(_:skeleton:heldSince:)``.
    public func claim(_ person: ChatPerson, skeleton: String, heldSince: Int64) async throws -> Bool {
        if !skeleton.isEmpty, let holder = state.names[skeleton], !holder.hasSameBytes(as: person.id),
            let other = state.people[holder], other.seen >= heldSince
        {
            return false
        }
        if state.people[person.id] == nil, state.people.count >= state.limits.maxPeople { throw HistoryStoreError.full }
        if let old = state.skeletons[person.id], state.names[old]?.hasSameBytes(as: person.id) == true {
            state.names[old] = nil
        }
        if !skeleton.isEmpty { state.names[skeleton] = person.id }
        state.skeletons[person.id] = skeleton
        state.people[person.id] = person
        return true
    }

    /// See ``HistoryStore/left(_:at:)``.
    public func left(_ person: String, at time: Int64) async throws {
        state.people[person]?.seen = time
        guard state.places[person]?.isEmpty ?? true else { return }
        if let skeleton = state.skeletons.removeValue(forKey: person),
            state.names[skeleton]?.hasSameBytes(as: person) == true
        {
            state.names[skeleton] = nil
        }
        state.people[person] = nil
        state.places[person] = nil
    }

    // MARK: Rooms

    /// See ``HistoryStore/create(_:)``.
    public func create(_ room: ChatRoom) async throws -> ChatRoom {
        if let known = state.rooms[room.key] { return known.room }
        guard state.rooms.count < state.limits.historyRooms else { throw HistoryStoreError.full }
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

    // MARK: Messages

    /// See ``HistoryStore/append(_:)``.
    public func append(_ message: ChatMessage) async throws -> ChatMessage {
        guard let room = state.rooms[message.room] else { throw HistoryStoreError.refused }
        let name = message.from + " " + message.id
        if let seq = room.ids[name], let known = room[seq] { return known }
        var message = message
        room.last += 1
        message.seq = room.last
        state.clock += 1
        room.use = state.clock
        room.add(message)
        room.ids[name] = message.seq
        room.bytes += message.size
        state.bytes += message.size
        if var member = room.members[message.from] {
            member.read = message.seq
            member.delivered = message.seq
            room.members[message.from] = member
        }
        state.trim(room)
        state.trimAll()
        return message
    }

    /// See ``HistoryStore/message(_:in:)``.
    public func message(_ seq: Int64, in room: String) async throws -> ChatMessage? { state.rooms[room]?[seq] }

    /// See ``HistoryStore/replace(_:)``.
    public func replace(_ message: ChatMessage) async throws -> Bool {
        guard let room = state.rooms[message.room], let old = room[message.seq], old.rev == message.rev - 1 else {
            return false
        }
        room[message.seq] = message
        room.bytes += message.size - old.size
        state.bytes += message.size - old.size
        state.trim(room)
        return true
    }

    /// See ``HistoryStore/messages(in:before:limit:)``.
    public func messages(in room: String, before: Int64?, limit: Int) async throws -> [ChatMessage] {
        guard let messages = state.rooms[room]?.messages, let first = messages.first?.seq else { return [] }
        let end = before.map { max(0, min(messages.count, Int(clamping: $0 - first))) } ?? messages.count
        return Array(messages.prefix(end).suffix(limit))
    }

    /// See ``HistoryStore/messages(in:after:limit:)``.
    public func messages(in room: String, after: Int64, limit: Int) async throws -> [ChatMessage] {
        guard let messages = state.rooms[room]?.messages, let first = messages.first?.seq else { return [] }
        let start = max(0, min(messages.count, Int(clamping: after - first + 1)))
        return Array(messages.dropFirst(start).prefix(limit))
    }

    /// See ``HistoryStore/search(_:in:limit:)``.
    public func search(_ text: String, in room: String, limit: Int) async throws -> [ChatMessage] {
        let pattern = SearchPattern(text)
        let messages = state.rooms[room]?.messages ?? []
        return Array(messages.reversed().lazy.filter { pattern.matches($0.text) }.prefix(limit))
    }

    /// See ``HistoryStore/last(in:)``.
    public func last(in room: String) async throws -> Int64 { state.rooms[room]?.last ?? 0 }

    /// See ``HistoryStore/mark(_:in:read:delivered:)``.
    public func mark(_ person: String, in room: String, read: Int64, delivered: Int64) async throws -> ChatMember? {
        guard let known = state.rooms[room], var member = known.members[person] else { return nil }
        member.read = max(member.read, min(read, known.last))
        member.delivered = max(member.delivered, min(delivered, known.last), member.read)
        state.rooms[room]?.members[person] = member
        return member
    }

    // MARK: Files

    /// See ``HistoryStore/begin(_:owner:now:)``.
    public func begin(_ file: ChatFile, owner: String, now: Int64) async throws -> Int {
        if let known = state.files[file.id] {
            guard known.owner.hasSameBytes(as: owner), known.file.size == file.size else {
                throw HistoryStoreError.refused
            }
            return known.bytes.count
        }
        state.files[file.id] = File(file: file, owner: owner, created: now)
        return 0
    }

    /// See ``HistoryStore/append(_:at:to:owner:)``.
    public func append(_ bytes: [UInt8], at offset: Int, to file: String, owner: String) async throws -> Int {
        guard let known = state.files[file], known.owner.hasSameBytes(as: owner) else {
            throw HistoryStoreError.refused
        }
        guard known.bytes.count == offset, offset + bytes.count <= known.file.size else {
            return known.bytes.count
        }
        state.files[file]?.bytes += bytes
        state.fileBytes += bytes.count
        state.trimFiles(except: file)
        return offset + bytes.count
    }

    /// See ``HistoryStore/attach(_:owner:to:)``.
    public func attach(_ file: String, owner: String, to room: String) async throws -> ChatFile? {
        guard let known = state.files[file], known.owner.hasSameBytes(as: owner),
            known.bytes.count == known.file.size, known.room?.hasSameBytes(as: room) ?? true
        else { return nil }
        state.files[file]?.room = room
        return known.file
    }

    /// See ``HistoryStore/read(_:in:at:count:)``.
    public func read(_ file: String, in room: String, at offset: Int, count: Int) async throws -> [UInt8]? {
        guard let known = state.files[file], known.room?.hasSameBytes(as: room) == true else { return nil }
        let start = max(0, min(offset, known.bytes.count))
        return Array(known.bytes[start..<min(known.bytes.count, start + count)])
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
    }

    /// See ``HistoryStore/close()``.
    public func close() async {}
}

/// A text to look for; ASCII letters match in either case.
struct SearchPattern: Sendable {
    private let bytes: [UInt8]

    init(_ text: String) { bytes = text.utf8.map(Self.small) }

    private static func small(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
    }

    func matches(_ text: String) -> Bool {
        let text = text.utf8.map(Self.small)
        guard !bytes.isEmpty, text.count >= bytes.count else { return false }
        return (0...(text.count - bytes.count)).contains { start in
            text[start] == bytes[0] && text[start..<(start + bytes.count)].elementsEqual(bytes)
        }
    }
}
