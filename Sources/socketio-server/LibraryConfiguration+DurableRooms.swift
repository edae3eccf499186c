// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

extension LibraryConfiguration {
    /// The histories of rooms, in the form that the library takes; nil when there are none.
    static func durableRooms(_ settings: Settings.DurableRooms) -> DurableRooms? {
        guard settings.enabled else { return nil }
        var rooms = DurableRooms()
        rooms.limits = RoomHistoryLimits(
            maxEvents: settings.maxEvents, maxBytes: settings.maxBytes, maxAge: .milliseconds(settings.maxAgeMs))
        rooms.maxRooms = settings.maxRooms
        rooms.maxTotalBytes = settings.maxTotalBytes
        rooms.maxReplayEvents = settings.maxReplayEvents
        rooms.maxReplays = settings.maxReplays
        rooms.maxWaitingReplays = settings.maxWaitingReplays
        return rooms
    }
}
