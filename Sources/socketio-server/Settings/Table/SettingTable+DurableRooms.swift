// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    /// The histories of rooms.
    static let durableRooms = Section(
        title: "Durable rooms",
        settings: [
            .flag(
                "durableRooms.enabled", \.durableRooms.enabled,
                "Whether rooms may have a history, which keeps the events sent with `durable`: in memory, or with an adapter "
                    + "over Redis in a stream for each room. Only servers that use the library send it to clients."),
            .number(
                "durableRooms.maxEvents", \.durableRooms.maxEvents, 1...1_000_000,
                "Events that the history of a room keeps."),
            .number(
                "durableRooms.maxBytes", \.durableRooms.maxBytes, 1_024...1_073_741_824, unit: "bytes",
                "Bytes of events that the history of a room keeps. A single larger event is refused."),
            .number(
                "durableRooms.maxAgeMs", \.durableRooms.maxAgeMs, 1_000...31_536_000_000, unit: "ms",
                "How long the history of a room keeps an event."),
            .number(
                "durableRooms.maxRooms", \.durableRooms.maxRooms, 1...10_000_000,
                "Rooms with a history in the memory of the server; over it the one that was not written to for the longest "
                    + "time is forgotten. Histories in Redis do not count."),
            .number(
                "durableRooms.maxTotalBytes", \.durableRooms.maxTotalBytes, 1_024...1_099_511_627_776, unit: "bytes",
                "Bytes of memory that all histories need together; over it the one that was not written to for the longest "
                    + "time loses its oldest events. Histories in Redis do not count."),
            .number(
                "durableRooms.maxReplayEvents", \.durableRooms.maxReplayEvents, 1...1_000_000,
                "Events that one replay may send; a replay of more fails."),
            .number(
                "durableRooms.maxReplays", \.durableRooms.maxReplays, 1...10_000,
                "Largest number of replays and reads of histories at the same time; further ones wait."),
            .number(
                "durableRooms.maxWaitingReplays", \.durableRooms.maxWaitingReplays, 0...10_000_000,
                "Largest number that wait for that; further ones fail."),
        ])
}
