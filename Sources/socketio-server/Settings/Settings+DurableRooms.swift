// Part of socketio-server, MIT licence; see LICENSE.

extension Settings {
    /// The histories of rooms.
    struct DurableRooms: Sendable, Equatable {
        var enabled = false
        var maxEvents = 1_000
        var maxBytes = 4_194_304
        var maxAgeMs = 86_400_000
        var maxRooms = 10_000
        var maxTotalBytes = 268_435_456
        var maxReplayEvents = 10_000
        var maxReplays = 64
        var maxWaitingReplays = 10_000
    }
}
