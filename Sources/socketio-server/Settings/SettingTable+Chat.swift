// Part of socketio-server, MIT licence; see LICENSE.

internal import Chat

extension SettingTable {
    /// The chat and what it keeps.
    static let chat = Section(
        title: "Chat",
        settings: [
            .flag("chat.enabled", \.chat.enabled, "Whether the chat and its page at `/` are served."),
            .number(
                "chat.maxTextBytes", \.chat.maxTextBytes, 1...1_048_576, unit: "bytes",
                "Largest text of a message, in UTF-8; a larger one is refused."),
            .number(
                "chat.historyMessages", \.chat.historyMessages, 0...100_000,
                "Messages kept of each room for those who come later; the oldest go first."),
            .number(
                "chat.historyRoomBytes", \.chat.historyRoomBytes, 0...1_073_741_824, unit: "bytes",
                "Most bytes of the messages kept of one room; the oldest go first."),
            .number(
                "chat.historyRooms", \.chat.historyRooms, 1...1_000_000,
                "Rooms of which messages are kept; the one least recently spoken in goes first."),
            .number(
                "chat.historyBytes", \.chat.historyBytes, 0...68_719_476_736, unit: "bytes",
                "Most bytes of the messages kept of all rooms; the oldest of the room least recently spoken in go first."
            ),
        ])
}

extension Settings.Chat {
    /// As the chat takes them.
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
