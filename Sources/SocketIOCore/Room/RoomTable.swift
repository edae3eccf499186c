// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// The inside of `RoomIndex`: rooms and members as dense tables of small integers.
///
/// - A member is a slot; a room is a number that its name is looked up for once per call.
/// - A room lists its members, a member its rooms, and each entry says where its counterpart stands. So leaving is: find
///   the member's entry, move the room's last entry into the gap, correct that one's counterpart.
/// - A member's list keeps the order of joining. An entry that goes leaves a hole; holes are closed when they are the
///   majority, which costs O(1) for each leaving.
/// - A stamp for each slot tells whether the selection being made has met the member before, or must leave it out.
@usableFromInline
struct RoomTable {
    /// Longer lists of rooms are searched through `longLists`.
    static let longestScan = 16
    /// The stamp of a slot that no selection may include.
    private static let never = UInt32.max

    var limits: RoomLimits
    private(set) var slots: [Slot] = []
    private var stamps: [UInt32] = []
    private var freeSlots: [Int32] = []
    /// Freed while a selection was in use; free for good when it has ended.
    private var retiredSlots: [Int32] = []
    private(set) var everyone: [Int32] = []
    private(set) var rooms: [Room] = []
    private var freeRooms: [Int32] = []
    private(set) var roomIDs: [ExactName: Int32] = [:]
    /// Where a room stands in the list of a member that is in many: `slot << 32 | room` to index.
    private(set) var longLists: [UInt64: Int32] = [:]
    private var epoch: UInt32 = 0
    /// Memory of the last selection, for the next one.
    private var spare: [Int32] = []

    init(limits: RoomLimits) {
        self.limits = limits
    }

    // MARK: Members

    mutating func add() -> RoomMember {
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = Int32(slots.count)
            slots.append(Slot())
            stamps.append(Self.never)
        }
        slots[Int(slot)].place = Slot.inactive
        return RoomMember(number: slot, generation: slots[Int(slot)].generation)
    }

    mutating func activate(_ handle: RoomMember) {
        guard isMember(handle), slots[Int(handle.number)].place == Slot.inactive else { return }
        slots[Int(handle.number)].place = Int32(everyone.count)
        stamps[Int(handle.number)] = 0
        everyone.append(handle.number)
    }

    mutating func remove(_ handle: RoomMember, reusable: Bool) -> [RoomDeparture] {
        guard isMember(handle) else { return [] }
        let departures = leaveAll(handle)
        let slot = Int(handle.number)
        let place = slots[slot].place
        if place >= 0, let last = everyone.popLast(), last != handle.number {
            everyone[Int(place)] = last
            slots[Int(last)].place = place
        }
        slots[slot].place = Slot.free
        slots[slot].generation &+= 1
        stamps[slot] = Self.never
        if reusable {
            freeSlots.append(handle.number)
        } else {
            retiredSlots.append(handle.number)
        }
        return departures
    }

    // MARK: Joining and leaving

    mutating func join(_ name: String, _ handle: RoomMember) -> RoomJoin {
        guard isMember(handle) else { return .unknownMember }
        // Checked before the name is hashed.
        guard isShort(name) else { return .nameTooLong }
        let slot = Int(handle.number)
        let known = roomIDs[ExactName(name)]
        if let known, membership(of: handle.number, in: known) != nil { return .alreadyMember }
        guard slots[slot].liveCount < limits.maxRoomsPerMember else { return .tooManyRooms }
        let room = known ?? addRoom(name)
        let index = Int32(slots[slot].memberships.count)
        let position = Int32(rooms[Int(room)].entries.count)
        rooms[Int(room)].entries.append(Entry(slot: handle.number, membership: index))
        slots[slot].memberships.append(Membership(room: room, position: position))
        if index == Self.longestScan {
            indexLongList(handle.number)
        } else if index > Self.longestScan {
            longLists[Self.key(handle.number, room)] = index
        }
        return .joined(roomCreated: known == nil)
    }

    mutating func leave(_ name: String, _ handle: RoomMember) -> RoomLeave {
        guard isMember(handle), let room = roomID(of: name), let index = membership(of: handle.number, in: room) else {
            return .notMember
        }
        let slot = Int(handle.number)
        let deleted = removeEntry(room: room, position: slots[slot].memberships[index].position)
        if slots[slot].memberships.count > Self.longestScan {
            longLists[Self.key(handle.number, room)] = nil
        }
        slots[slot].memberships[index].room = Membership.hole
        slots[slot].holes += 1
        if Int(slots[slot].holes) * 2 > slots[slot].memberships.count { closeHoles(handle.number) }
        return .left(roomDeleted: deleted)
    }

    mutating func leaveAll(_ handle: RoomMember) -> [RoomDeparture] {
        guard isMember(handle) else { return [] }
        let slot = Int(handle.number)
        let memberships = slots[slot].memberships
        slots[slot].memberships = .none
        slots[slot].holes = 0
        var departures: [RoomDeparture] = []
        departures.reserveCapacity(memberships.count)
        memberships.forEach { membership in
            guard membership.room != Membership.hole else { return }
            if memberships.count > Self.longestScan { longLists[Self.key(handle.number, membership.room)] = nil }
            let name = rooms[Int(membership.room)].name
            let deleted = removeEntry(room: membership.room, position: membership.position)
            departures.append(RoomDeparture(room: name, roomDeleted: deleted))
        }
        return departures
    }

    // MARK: Selecting

    /// The active members of any of `names`, or all of them when there are none, that are in none of `except`, each
    /// once. Give the array back with `selectionEnded`.
    @usableFromInline
    mutating func select(rooms names: [String], except: [String]) -> [Int32] {
        var selected = spare
        spare = []
        selected.removeAll(keepingCapacity: true)
        if names.isEmpty, except.isEmpty {
            selected.append(contentsOf: everyone)
            return selected
        }
        if names.count == 1, except.isEmpty {
            guard let room = roomID(of: names[0]) else { return selected }
            let entries = rooms[Int(room)].entries
            selected.reserveCapacity(entries.count)
            entries.forEach { entry in
                if stamps[Int(entry.slot)] != Self.never { selected.append(entry.slot) }
            }
            return selected
        }
        let now = nextEpoch()
        for name in except {
            if let room = roomID(of: name) { visit(room, now: now) { _ in } }
        }
        if names.isEmpty {
            for slot in everyone where stamps[Int(slot)] < now { selected.append(slot) }
        } else {
            for name in names { select(name, now: now, into: &selected) }
        }
        return selected
    }

    /// Appends each member of a room that `visit` would find.
    private mutating func select(_ name: String, now: UInt32, into selected: inout [Int32]) {
        guard let room = roomID(of: name) else { return }
        let most = rooms[Int(room)].entries.count
        guard most > 8 else { return visit(room, now: now) { slot in selected.append(slot) } }
        // Room for all of them first: to append one costs more than to look at it.
        var end = selected.count
        selected.append(contentsOf: repeatElement(0, count: most))
        selected.withUnsafeMutableBufferPointer { selected in
            visit(room, now: now) { slot in
                selected[end] = slot
                end += 1
            }
        }
        selected.removeLast(selected.count - end)
    }

    /// Calls `body` with each member of a room that has not been met since `now` began, and may be selected at all.
    @inline(__always)
    private mutating func visit(_ room: Int32, now: UInt32, _ body: (Int32) -> Void) {
        let entries = rooms[Int(room)].entries
        stamps.withUnsafeMutableBufferPointer { stamps in
            entries.forEach { entry in
                guard stamps[Int(entry.slot)] < now else { return }
                stamps[Int(entry.slot)] = now
                body(entry.slot)
            }
        }
    }

    /// Takes the memory of a selection back. `isOutermost`: no other one is in use.
    @usableFromInline
    mutating func selectionEnded(_ selected: consuming [Int32], isOutermost: Bool) {
        if selected.capacity > spare.capacity { spare = selected }
        if isOutermost, !retiredSlots.isEmpty {
            freeSlots.append(contentsOf: retiredSlots)
            retiredSlots.removeAll()
        }
    }

    private mutating func nextEpoch() -> UInt32 {
        epoch += 1
        if epoch == Self.never {
            for slot in stamps.indices where stamps[slot] != Self.never { stamps[slot] = 0 }
            epoch = 1
        }
        return epoch
    }

    // MARK: Names

    /// Whether a room can have this name.
    func isShort(_ name: String) -> Bool { name.utf8.count <= limits.maxNameLength }

    /// The number of a room. A name that is too long is not even hashed.
    func roomID(of name: String) -> Int32? { isShort(name) ? roomIDs[ExactName(name)] : nil }

    // MARK: Lists

    private mutating func addRoom(_ name: String) -> Int32 {
        let room: Int32
        if let free = freeRooms.popLast() {
            room = free
            rooms[Int(free)].name = name
        } else {
            room = Int32(rooms.count)
            rooms.append(Room(name: name))
        }
        roomIDs[ExactName(name)] = room
        return room
    }

    /// Takes an entry out of a room's list; forgets the room when it was the last one and returns true then.
    private mutating func removeEntry(room: Int32, position: Int32) -> Bool {
        let id = Int(room)
        let last = rooms[id].entries.count - 1
        if Int(position) < last {
            let moved = rooms[id].entries[last]
            rooms[id].entries[Int(position)] = moved
            slots[Int(moved.slot)].memberships[Int(moved.membership)].position = position
        }
        rooms[id].entries.removeLast()
        guard last == 0 else { return false }
        roomIDs[ExactName(rooms[id].name)] = nil
        rooms[id] = Room(name: "")
        freeRooms.append(room)
        return true
    }

    /// Closes the gaps in a member's list. Entries move forward, so their rooms are told the new index.
    private mutating func closeHoles(_ slot: Int32) {
        let old = slots[Int(slot)].memberships
        let live = old.array.filter { $0.room != Membership.hole }
        slots[Int(slot)].memberships = .none
        for membership in live { slots[Int(slot)].memberships.append(membership) }
        slots[Int(slot)].holes = 0
        for (index, membership) in live.enumerated() {
            rooms[Int(membership.room)].entries[Int(membership.position)].membership = Int32(index)
            if old.count > Self.longestScan { longLists[Self.key(slot, membership.room)] = nil }
        }
        if live.count > Self.longestScan { indexLongList(slot) }
    }

    private mutating func indexLongList(_ slot: Int32) {
        let memberships = slots[Int(slot)].memberships.array
        for (index, membership) in memberships.enumerated() where membership.room != Membership.hole {
            longLists[Self.key(slot, membership.room)] = Int32(index)
        }
    }
}
