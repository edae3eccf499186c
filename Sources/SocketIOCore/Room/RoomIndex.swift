// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// The rooms of one namespace on one event loop.
///
/// Confined to that loop. Members are kept densely: joining and leaving cost O(1), reaching a room O(members), and a
/// broadcast builds no set (`RoomTable` has the how). A class, because the closures of `forEach` run application code
/// that may well join and leave rooms: no access to the table is under way while they run.
///
/// `Member` is what a broadcast needs of a recipient. A class reference is retained once for each recipient; an
/// `Unmanaged` reference or an index is not.
///
/// `@usableFromInline`, because only then `forEach` is specialised in other modules: 2 ns a member instead of 35.
@usableFromInline
package final class RoomIndex<Member> {
    @usableFromInline var table: RoomTable
    @usableFromInline var members: [Member?] = []
    /// How many `forEach` are under way, one inside the other.
    @usableFromInline var visits = 0

    package init(limits: RoomLimits = RoomLimits()) {
        self.table = RoomTable(limits: limits)
    }

    // MARK: Members

    /// Adds a member that is in no room. It may join rooms at once, but no selection includes it before `activate`: this
    /// is a socket whose middlewares are running.
    package func add(_ member: Member) -> RoomMember {
        let handle = table.add()
        let slot = Int(handle.number)
        if slot < members.count {
            members[slot] = member
        } else {
            members.append(member)
        }
        return handle
    }

    /// From now on selections include the member: its socket is connected.
    package func activate(_ handle: RoomMember) {
        table.activate(handle)
    }

    /// Takes the member out of its rooms, in the order it joined them, and forgets it.
    @discardableResult
    package func remove(_ handle: RoomMember) -> [RoomDeparture] {
        guard table.isMember(handle) else { return [] }
        // A slot that a selection under way still lists must not get another member before that is through.
        let departures = table.remove(handle, reusable: visits == 0)
        members[Int(handle.number)] = nil
        return departures
    }

    /// The member behind a handle.
    package subscript(_ handle: RoomMember) -> Member? {
        table.isMember(handle) ? members[Int(handle.number)] : nil
    }

    /// How many members are active.
    package var activeCount: Int { table.everyone.count }

    // MARK: Joining and leaving

    /// The limits on joins. Lowering them removes no member from a room.
    package var limits: RoomLimits {
        get { table.limits }
        set { table.limits = newValue }
    }

    /// Puts the member into a room, which is made when it does not exist.
    @discardableResult
    package func join(_ room: String, _ handle: RoomMember) -> RoomJoin {
        table.join(room, handle)
    }

    /// Takes the member out of a room, which is forgotten when it becomes empty.
    @discardableResult
    package func leave(_ room: String, _ handle: RoomMember) -> RoomLeave {
        table.leave(room, handle)
    }

    /// Takes the member out of every room, in the order it joined them.
    @discardableResult
    package func leaveAll(_ handle: RoomMember) -> [RoomDeparture] {
        table.leaveAll(handle)
    }

    // MARK: Looking

    /// The rooms of a member, in the order it joined them.
    package func rooms(of handle: RoomMember) -> [String] { table.rooms(of: handle) }

    /// Whether a member is in a room.
    package func contains(_ handle: RoomMember, in room: String) -> Bool { table.contains(handle, in: room) }

    /// The names of all rooms, in no particular order.
    package var roomNames: [String] { table.roomIDs.keys.map(\.text) }

    /// How many rooms exist.
    package var roomCount: Int { table.roomIDs.count }

    /// How many members a room has, active or not; 0 when it does not exist.
    package func count(of room: String) -> Int { table.count(of: room) }

    // MARK: Selecting

    /// Calls `body` once for each active member of any of `rooms` (of the whole index when there are none) that is in
    /// none of `except`.
    ///
    /// The selection is fixed before the first call, but a member removed meanwhile is left out. `body` may change the
    /// index and may select again.
    @inlinable
    package func forEach(rooms: [String] = [], except: [String] = [], _ body: (Member) throws -> Void) rethrows {
        let selected = table.select(rooms: rooms, except: except)
        visits += 1
        defer {
            visits -= 1
            table.selectionEnded(selected, isOutermost: visits == 0)
        }
        for slot in selected {
            if let member = members[Int(slot)] { try body(member) }
        }
    }

    /// The members that `forEach` would visit.
    package func members(rooms: [String] = [], except: [String] = []) -> [Member] {
        var found: [Member] = []
        forEach(rooms: rooms, except: except) { found.append($0) }
        return found
    }

    /// How many members `forEach` would visit.
    package func count(rooms: [String] = [], except: [String] = []) -> Int {
        if rooms.isEmpty, except.isEmpty { return table.everyone.count }
        let selected = table.select(rooms: rooms, except: except)
        defer { table.selectionEnded(selected, isOutermost: visits == 0) }
        return selected.count
    }
}
