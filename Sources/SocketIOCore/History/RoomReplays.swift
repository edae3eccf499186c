// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// Members of rooms that are being sent the history, on one event loop: which live events they must not get, because the
/// replay sends them.
///
/// While a replay is under way, no live event of the room reaches the member. The replay ends when it has sent everything up
/// to the newest event that was held back. After that the member does not get live events that the replay has sent before
/// they arrived.
package struct RoomReplays<Member: Hashable & Sendable>: Sendable {
    private struct Progress: Sendable {
        let number: UInt64
        /// The newest live event that the member has not got.
        var newest: RoomPosition?
        /// The last event of the replay, when it has ended.
        var sent: RoomPosition?
        /// Whether no replay has begun yet, see ``RoomReplays/expect(_:_:)``.
        var isExpected = false
    }

    private var rooms: [ExactName: [Member: Progress]] = [:]
    private var memberships: [Member: Set<ExactName>] = [:]
    /// The number of the newest replay.
    private var newest: UInt64 = 0

    package init() {}

    package var isEmpty: Bool { rooms.isEmpty }

    /// Holds live events back for a member that may begin a replay in a moment.
    package mutating func expect(_ room: String, _ member: Member) {
        guard begin(room, member) != nil else { return }
        rooms[ExactName(room)]?[member]?.isExpected = true
    }

    /// Gives live events to a member again in the rooms where it has begun no replay.
    package mutating func expectNoMore(_ member: Member) {
        for room in memberships[member] ?? [] where rooms[room]?[member]?.isExpected == true { end(room.text, member) }
    }

    /// Begins a replay. Returns its number: a member that leaves the room and begins another replay has nothing to do with
    /// the earlier one. Nil when one is under way.
    package mutating func begin(_ room: String, _ member: Member) -> UInt64? {
        let room = ExactName(room)
        if let progress = rooms[room]?[member], progress.sent == nil {
            rooms[room]?[member]?.isExpected = false
            return progress.isExpected ? progress.number : nil
        }
        newest += 1
        rooms[room, default: [:]][member] = Progress(number: newest)
        memberships[member, default: []].insert(room)
        return newest
    }

    /// Whether this replay of the room is under way for the member.
    package func isUnderWay(_ number: UInt64, of room: String, _ member: Member) -> Bool {
        guard let progress = rooms[ExactName(room)]?[member] else { return false }
        return progress.number == number && progress.sent == nil
    }

    /// The replay has sent everything up to a position. Returns whether the member has everything, and gets live events from
    /// now on; otherwise the replay has to read on.
    package mutating func reached(_ position: RoomPosition?, _ room: String, _ member: Member) -> Bool {
        let key = ExactName(room)
        guard let progress = rooms[key]?[member], progress.sent == nil else { return true }
        guard let newest = progress.newest else {
            // Events that the replay has sent may still be on their way.
            if let position { rooms[key]?[member]?.sent = position } else { end(room, member) }
            return true
        }
        guard let position, position.epoch == newest.epoch, position.number >= newest.number else { return false }
        if position.number == newest.number { end(room, member) } else { rooms[key]?[member]?.sent = position }
        return true
    }

    /// The replay is over, or the member has left the room.
    package mutating func end(_ room: String, _ member: Member) {
        let key = ExactName(room)
        guard rooms[key]?.removeValue(forKey: member) != nil else { return }
        if rooms[key]?.isEmpty == true { rooms[key] = nil }
        memberships[member]?.remove(key)
        if memberships[member]?.isEmpty == true { memberships[member] = nil }
    }

    /// The member has gone.
    package mutating func remove(_ member: Member) {
        for room in memberships[member] ?? [] { end(room.text, member) }
    }

    /// The members of the room that must not get a live event.
    package mutating func heldBack(from room: String, at position: RoomPosition) -> Set<Member> {
        let key = ExactName(room)
        guard let members = rooms[key] else { return [] }
        var held: Set<Member> = []
        for (member, progress) in members {
            guard let sent = progress.sent else {
                held.insert(member)
                rooms[key]?[member]?.newest = position
                continue
            }
            if sent.epoch == position.epoch, position.number <= sent.number { held.insert(member) }
            if sent.epoch != position.epoch || position.number >= sent.number { end(room, member) }
        }
        return held
    }
}
