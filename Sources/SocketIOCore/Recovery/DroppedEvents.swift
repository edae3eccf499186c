// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// The rooms that received the events which an ``EventLog`` has dropped, each with the position of its newest dropped event.
///
/// Its size is limited: the rooms are in two generations, and when the younger is full, by the number or the bytes of its
/// names, the older is forgotten. From then on, any event up to the newest one of the forgotten generation may have been for any room.
struct DroppedEvents: Sendable {
    private let maximumRooms: Int
    private static let bytesPerRoom = 64
    /// Nothing is known about the events dropped up to this position.
    private var unknown: EventPosition
    /// The newest dropped event that was not for particular rooms.
    private var everyone: EventPosition
    private var young: [ExactName: EventPosition] = [:]
    private var old: [ExactName: EventPosition] = [:]
    /// Bytes of the names in the younger generation.
    private var youngBytes = 0
    /// The newest event in each generation.
    private var youngEnd: EventPosition
    private var oldEnd: EventPosition

    init(maximumRooms: Int, begin: EventPosition) {
        self.maximumRooms = max(maximumRooms, 2)
        unknown = begin
        everyone = begin
        youngEnd = begin
        oldEnd = begin
    }

    /// Records a dropped event. Its position must be above those of all earlier calls.
    mutating func drop(_ position: EventPosition, rooms: [String]) {
        guard !rooms.isEmpty else {
            everyone = position
            return
        }
        let bytes = rooms.reduce(0) { $0 + $1.utf8.count }
        let most = (rooms: maximumRooms / 2, bytes: maximumRooms / 2 * Self.bytesPerRoom)
        // The event names more rooms than a generation can hold, so it counts as one for everyone.
        guard rooms.count <= most.rooms, bytes <= most.bytes else {
            everyone = position
            return
        }
        if young.count + rooms.count > most.rooms || youngBytes + bytes > most.bytes {
            unknown = max(unknown, oldEnd)
            (old, oldEnd) = (young, youngEnd)
            young = [:]
            youngBytes = 0
        }
        for room in rooms { young[ExactName(room)] = position }
        youngBytes += bytes
        youngEnd = position
    }

    mutating func dropEverything(through position: EventPosition) {
        young = [:]
        youngBytes = 0
        old = [:]
        unknown = position
        everyone = max(everyone, position)
    }

    /// Whether an event for one of these rooms that came after `position` may have been dropped.
    func concern(_ rooms: [String], after position: EventPosition) -> Bool {
        if unknown > position || everyone > position { return true }
        guard youngEnd > position || oldEnd > position else { return false }
        return rooms.contains { room in
            let name = ExactName(room)
            return [young[name], old[name]].contains { $0.map { $0 > position } ?? false }
        }
    }
}
