// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// The rooms that received the events which an ``EventLog`` has dropped, each with the position of its newest dropped event.
///
/// Its size is limited: the rooms are in two generations, and when the younger is full the older is forgotten. From
/// then on, any event up to the newest one of the forgotten generation may have been for any room.
struct DroppedEvents: Sendable {
    private let maximumRooms: Int
    /// Nothing is known about the events dropped up to this position.
    private var unknown: EventPosition
    /// The newest dropped event that was not for particular rooms.
    private var everyone: EventPosition
    private var young: [ExactName: EventPosition] = [:]
    private var old: [ExactName: EventPosition] = [:]
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
        if young.count + rooms.count > maximumRooms / 2 {
            unknown = max(unknown, oldEnd)
            (old, oldEnd) = (young, youngEnd)
            young = [:]
        }
        // The event names more rooms than a generation can hold, so it counts as one for everyone.
        guard rooms.count <= maximumRooms / 2 else {
            everyone = position
            return
        }
        for room in rooms { young[ExactName(room)] = position }
        youngEnd = position
    }

    mutating func dropEverything(through position: EventPosition) {
        young = [:]
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
