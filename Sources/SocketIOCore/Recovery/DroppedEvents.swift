// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore

/// The rooms that received the events which an ``EventLog`` has dropped, each with the position of its newest dropped event.
///
/// Bounded: the rooms are in two generations, and when the younger is full the older is forgotten. From then on all
/// events up to the newest of that generation may have been for anybody.
struct DroppedEvents: Sendable {
    private let maximumRooms: Int
    /// Of what was dropped up to here nothing is known.
    private var unknown: EventPosition
    /// The newest one that was not for certain rooms.
    private var everyone: EventPosition
    private var young: [ExactName: EventPosition] = [:]
    private var old: [ExactName: EventPosition] = [:]
    /// The newest event that each generation knows of.
    private var youngEnd: EventPosition
    private var oldEnd: EventPosition

    init(maximumRooms: Int, begin: EventPosition) {
        self.maximumRooms = max(maximumRooms, 2)
        unknown = begin
        everyone = begin
        youngEnd = begin
        oldEnd = begin
    }

    /// Every later event is above this one.
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
        // More rooms than a generation has place for.
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

    /// Whether an event for one of these rooms may have been dropped that came after `position`.
    func concern(_ rooms: [String], after position: EventPosition) -> Bool {
        if unknown > position || everyone > position { return true }
        guard youngEnd > position || oldEnd > position else { return false }
        return rooms.contains { room in
            let name = ExactName(room)
            return [young[name], old[name]].contains { $0.map { $0 > position } ?? false }
        }
    }
}
