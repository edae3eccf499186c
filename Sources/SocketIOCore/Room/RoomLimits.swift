// Part of socketio-server, MIT licence; see LICENSE.

/// How many rooms a socket may be in, and how long their names may be (`limits.*` in docs/configuration.md).
package struct RoomLimits: Sendable, Equatable {
    /// Rooms of one socket at the same time, the one named after its id included. Default: 1,024.
    package var maxRoomsPerMember: Int
    /// Bytes of a room name. Default: 256.
    package var maxNameLength: Int

    package init(maxRoomsPerMember: Int = 1024, maxNameLength: Int = 256) {
        self.maxRoomsPerMember = maxRoomsPerMember
        self.maxNameLength = maxNameLength
    }
}

/// A member of a `RoomIndex`. A handle outlives its member harmlessly: everything asked with it then finds nothing.
@usableFromInline
package struct RoomMember: Sendable, Hashable {
    /// A small number, the member's alone while it is one.
    @usableFromInline let number: Int32
    let generation: UInt32

    /// No member, of any index.
    package static var none: RoomMember { RoomMember(number: -1, generation: 0) }
    package var isNone: Bool { number < 0 }

    /// The place of the member, for those who keep something beside the index.
    package var slot: MemberSlot { MemberSlot(number: number) }
}

/// The place of a member of a `RoomIndex`, the member's alone while it is one. One of three number spaces: a client's sockets
/// have a ``ClientSlot``, the sessions of an event loop a `SessionSlot`.
package struct MemberSlot: Sendable, Hashable {
    fileprivate let number: Int32

    /// The place in a list with one for each slot.
    package var index: Int { Int(number) }
}

/// What became of `RoomIndex.join`.
package enum RoomJoin: Sendable, Hashable {
    /// The member is in the room now. `roomCreated`: it is the first one, so adapters raise `create-room` before
    /// `join-room`.
    case joined(roomCreated: Bool)
    case alreadyMember
    /// The member is in as many rooms as it may be.
    case tooManyRooms
    /// The room would be a new one, and there may be no more.
    case noRoomLeft
    /// The name is longer than it may be.
    case nameTooLong
    /// The handle belongs to no member.
    case unknownMember
}

/// What became of `RoomIndex.leave`.
package enum RoomLeave: Sendable, Hashable {
    /// The member has left. `roomDeleted`: it was the last one, so adapters raise `delete-room` after `leave-room`.
    case left(roomDeleted: Bool)
    case notMember
}

/// One room left by `leaveAll` or `remove`.
package struct RoomDeparture: Sendable, Hashable {
    package var room: String
    /// Whether the room is empty now and exists no longer.
    package var roomDeleted: Bool

    package init(room: String, roomDeleted: Bool) {
        self.room = room
        self.roomDeleted = roomDeleted
    }
}
