// Part of socketio-server, MIT licence; see LICENSE.

extension RoomIndex {
    /// How many places there are to look at, those of rooms that are gone included.
    package var surveyPlaces: Int { table.rooms.count }

    /// Shows the rooms at places `start` to `start + budget` of an arbitrary but steady order, each with its number of
    /// members and, if it is only one, that member. So a walk over many rooms can be made in small steps.
    ///
    /// - Returns: where the next step begins; nil after the last room.
    package func survey(
        from start: Int, budget: Int, _ body: (_ room: String, _ count: Int, _ only: Member?) -> Void
    ) -> Int? {
        let rooms = table.rooms
        guard rooms.indices.contains(start) else { return nil }
        let end = min(rooms.count, start + max(1, budget))
        for room in rooms[start..<end] where !room.entries.isEmpty {
            body(room.name, room.entries.count, room.entries.count == 1 ? members[Int(room.entries[0].slot)] : nil)
        }
        return end < rooms.count ? end : nil
    }
}
