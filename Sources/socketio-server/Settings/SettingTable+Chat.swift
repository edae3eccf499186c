// Part of socketio-server, MIT licence; see LICENSE.

internal import Chat

extension SettingTable {
    /// The chat and the limits of its history.
    static let chat = Section(
        title: "Chat",
        settings: [
            .flag("chat.enabled", \.chat.enabled, "Whether the chat and its page at `/` are served."),
            .number(
                "chat.maxTextBytes", \.chat.maxTextBytes, 1...1_048_576, unit: "bytes",
                "Largest text of a message, in UTF-8; a larger one is refused."),
            .number(
                "chat.historyMessages", \.chat.historyMessages, 0...100_000,
                "Messages kept for each room, which newcomers receive; the oldest are removed first."),
            .number(
                "chat.historyRoomBytes", \.chat.historyRoomBytes, 0...1_073_741_824, unit: "bytes",
                "Largest size of the messages kept for one room; the oldest are removed first."),
            .number(
                "chat.historyRooms", \.chat.historyRooms, 1...1_000_000,
                "Rooms with a history; the room without a message for the longest time loses its history first."),
            .number(
                "chat.historyBytes", \.chat.historyBytes, 0...68_719_476_736, unit: "bytes",
                "Largest size of the messages kept for all rooms; the oldest messages of the room without a message "
                    + "for the longest time are removed first."
            ),
        ])
}

extension Settings.Chat {
    /// The limits in the form that the chat takes.
    var limits: ChatLimits {
        var limits = ChatLimits()
        limits.maxTextBytes = maxTextBytes
        limits.historyMessages = historyMessages
        limits.historyRoomBytes = historyRoomBytes
        limits.historyRooms = historyRooms
        limits.historyBytes = historyBytes
        return limits
    }
}
