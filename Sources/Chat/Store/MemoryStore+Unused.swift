// Part of socketio-server, MIT licence; see LICENSE.

internal import HeapModule
internal import SocketIOServer

extension MemoryStore {
    /// An entry of the queue of unused rooms. It names a room that was made then, which may be used or gone by now.
    struct UnusedRoom: Comparable {
        let created: Int64
        let key: String

        init(_ room: ChatRoom) {
            created = room.created
            key = room.key
        }

        static func < (left: UnusedRoom, right: UnusedRoom) -> Bool { left.created < right.created }
        static func == (left: UnusedRoom, right: UnusedRoom) -> Bool { left.created == right.created }
    }
}

// Rooms in which nothing was ever said.
extension MemoryStore.State {
    /// Makes sure that there is a place for a new room, if need be by removing an unused one.
    func makePlace(for room: ChatRoom, _ limits: ChatLimits) throws {
        let oldest = room.created - ChatLimits.unusedRoomMinimumAge
        let channels = room.space.isEmpty ? 0 : spaces[room.space]?.count ?? 0
        guard rooms.count <= limits.historyRooms else { throw HistoryStoreError.full }
        if !room.space.isEmpty, channels >= limits.maxChannels {
            let unused = (spaces[room.space] ?? []).compactMap { rooms[$0] }
                .filter { isUnused($0) && $0.room.created < oldest }
                .min { $0.room.created < $1.room.created }
            guard channels == limits.maxChannels, let unused else { throw HistoryStoreError.tooManyChannels }
            remove(unused, keeping: room.space)
        }
        if rooms.count >= limits.historyRooms {
            guard let unused = nextUnused(createdBefore: oldest, besides: room.space) else {
                throw HistoryStoreError.full
            }
            remove(unused, keeping: room.space)
        }
    }

    /// Puts a new room into the queue of unused ones. A community is in use once it has a channel.
    func addUnused(_ room: ChatRoom) {
        // Entries of other rooms are dropped together, when they are more than half.
        if unusedByAge.count > 2 * rooms.count + 64 {
            unusedByAge = Heap(rooms.values.filter { isUnused($0) }.map { MemoryStore.UnusedRoom($0.room) })
        } else {
            unusedByAge.insert(MemoryStore.UnusedRoom(room))
        }
    }

    /// Removes all unused rooms that were made before a time, in milliseconds since 1970.
    func removeUnusedRooms(createdBefore limit: Int64) {
        while let room = nextUnused(createdBefore: limit) { remove(room) }
    }

    /// Takes the oldest unused room from the queue, if it was made before a time. A community that is about to get a
    /// channel is none.
    private func nextUnused(createdBefore limit: Int64, besides space: String = "") -> MemoryStore.Room? {
        let community = RoomKey.community(space).text
        while let oldest = unusedByAge.min, oldest.created < limit {
            unusedByAge.removeMin()
            guard let room = rooms[oldest.key], room.room.created == oldest.created, isUnused(room),
                !oldest.key.hasSameBytes(as: community)
            else { continue }
            return room
        }
        return nil
    }

    /// Whether nothing was ever said in a room, and it has no channels.
    private func isUnused(_ room: MemoryStore.Room) -> Bool {
        guard room.last == 0, !room.room.isPermanent else { return false }
        if case .community(let id) = RoomKey(room.room.key) { return spaces[id] == nil }
        return true
    }

    /// Removes a room without messages, and with the last channel of a community the community, unless that is `keeping`.
    private func remove(_ room: MemoryStore.Room, keeping: String = "") {
        let (key, space, owner) = (room.room.key, room.room.space, room.room.owner)
        rooms[key] = nil
        for person in room.members.keys {
            removePlace(key, of: person)
            if places[person] == nil, !newcomers.contains(person), let known = people[person] { addNewcomer(known) }
        }
        if let begun = begun[owner] { self.begun[owner] = begun > 1 ? begun - 1 : nil }
        guard !space.isEmpty else { return }
        spaces[space]?.remove(key)
        guard spaces[space]?.isEmpty == true else { return }
        spaces[space] = nil
        guard !space.hasSameBytes(as: keeping), !space.hasSameBytes(as: CommunityName.lobby) else { return }
        if let community = rooms[RoomKey.community(space).text] { remove(community) }
    }

    /// Takes a room from the list of a person.
    func removePlace(_ room: String, of person: String) {
        places[person]?.remove(room)
        if places[person]?.isEmpty == true { places[person] = nil }
    }
}
