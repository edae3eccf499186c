// Part of socketio-server, MIT licence; see LICENSE.

extension RoomTable {
    func isMember(_ handle: RoomMember) -> Bool {
        let slot = Int(handle.number)
        return slots.indices.contains(slot) && slots[slot].generation == handle.generation
            && slots[slot].place != Slot.free
    }

    func rooms(of handle: RoomMember) -> [String] {
        guard isMember(handle) else { return [] }
        return slots[Int(handle.number)].memberships.array.compactMap { membership in
            membership.room == Membership.hole ? nil : rooms[Int(membership.room)].name
        }
    }

    func contains(_ handle: RoomMember, in name: String) -> Bool {
        guard isMember(handle), let room = roomID(of: name) else { return false }
        return membership(of: handle.number, in: room) != nil
    }

    func count(of name: String) -> Int {
        roomID(of: name).map { rooms[Int($0)].entries.count } ?? 0
    }

    /// Where a room stands in a member's list.
    func membership(of slot: Int32, in room: Int32) -> Int? {
        let memberships = slots[Int(slot)].memberships
        if memberships.count > Self.longestScan { return longLists[Self.key(slot, room)].map(Int.init) }
        return memberships.firstIndex { $0.room == room }
    }

    static func key(_ slot: Int32, _ room: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: slot)) << 32 | UInt64(UInt32(bitPattern: room))
    }
}
