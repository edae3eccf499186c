// Part of socketio-server, MIT licence; see LICENSE.

extension RoomTable {
    /// A member in the list of a room.
    struct Entry {
        var slot: Int32
        /// Where the room stands in the member's list.
        var membership: Int32
    }

    /// A room in the list of a member.
    struct Membership {
        /// The room, or `hole`.
        var room: Int32
        /// Where the member stands in the room's list.
        var position: Int32

        static let hole: Int32 = -1
    }

    struct Room {
        var name: String
        var entries = ShortList<Entry>()
    }

    struct Slot {
        var memberships = ShortList<Membership>()
        var holes: Int32 = 0
        var generation: UInt32 = 0
        /// Where the member stands in `everyone`; `inactive` before it is connected, `free` when there is none.
        var place = Slot.free

        static let inactive: Int32 = -1
        static let free: Int32 = -2
        var liveCount: Int { memberships.count - Int(holes) }
    }
}
