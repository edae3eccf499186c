// Part of socketio-server, MIT licence; see LICENSE.

internal import GRDB
internal import NIOConcurrencyHelpers
internal import SocketIOServer

// Rooms in which nothing was ever said: those with `unused`. A community has it until it gets a channel.
extension SQLiteStore {
    /// Makes sure that there is a place for a new room, if need be by removing an unused one.
    func makePlace(for room: ChatRoom, channels: Int, _ limits: ChatLimits, _ database: Database) throws {
        let oldest = room.created - ChatLimits.unusedRoomMinimumAge
        guard roomCount <= limits.historyRooms else { throw HistoryStoreError.full }
        if !room.space.isEmpty, channels >= limits.maxChannels {
            // With the other index, unused rooms of all communities would be read.
            let unused = try String.fetchOne(
                database,
                sql: """
                    SELECT key FROM room INDEXED BY room_space WHERE space = ? AND unused = 1 AND created < ?
                    ORDER BY created LIMIT 1
                    """,
                arguments: [room.space, oldest])
            guard channels == limits.maxChannels, let unused else { throw HistoryStoreError.tooManyChannels }
            try remove(unused, keeping: room.space, database)
        }
        if roomCount >= limits.historyRooms {
            // A community that is about to get a channel is in use.
            let unused = try String.fetchOne(
                database,
                sql: "SELECT key FROM room WHERE unused = 1 AND created < ? AND key != ? ORDER BY created LIMIT 1",
                arguments: [oldest, RoomKey.community(room.space).text])
            guard let unused else { throw HistoryStoreError.full }
            try remove(unused, keeping: room.space, database)
        }
    }

    private var roomCount: Int { sums.withLockedValue { $0.rooms } }

    /// Removes unused rooms that were made before a time, the oldest first. Returns how many it has found.
    func removeUnusedRooms(createdBefore limit: Int64, atMost count: Int, _ database: Database) throws -> Int {
        let rooms = try String.fetchAll(
            database, sql: "SELECT key FROM room WHERE unused = 1 AND created < ? ORDER BY created LIMIT ?",
            arguments: [limit, count])
        for room in rooms { try remove(room, database) }
        return rooms.count
    }

    /// Removes a room without messages, and with the last channel of a community the community, unless that is `keeping`.
    private func remove(_ room: String, keeping: String = "", _ database: Database) throws {
        try database.execute(sql: "DELETE FROM room WHERE key = ?", arguments: [room])
        let removed = database.changesCount
        sums.withLockedValue { $0.rooms -= removed }
        try database.execute(
            sql: """
                UPDATE person SET newcomer = 1 WHERE id IN (SELECT person FROM member WHERE room = ?1) AND NOT EXISTS (
                    SELECT 1 FROM member WHERE member.person = person.id AND role != 'banned' AND room != ?1)
                """,
            arguments: [room])
        try database.execute(sql: "DELETE FROM member WHERE room = ?", arguments: [room])
        guard case .channel(let space, _) = RoomKey(room), !space.hasSameBytes(as: keeping),
            !space.hasSameBytes(as: CommunityName.lobby)
        else { return }
        let hasChannels = try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM room WHERE space = ?)", arguments: [space])
        if hasChannels != true { try remove(RoomKey.community(space).text, database) }
    }
}
