// Part of socketio-server, MIT licence; see LICENSE.

internal import Chat

extension SettingTable {
    /// The chat, where it keeps its history, and the limits of that.
    static let chat = Section(
        title: "Chat",
        settings: [
            .flag("chat.enabled", \.chat.enabled, "Whether the chat and its page at `/` are served."),
            .choice(
                "chat.store", \.chat.store,
                "Where people, rooms and messages are kept: `sqlite` in a file, for one server; `redis` in the Redis of "
                    + "`redis.url`, for several; `memory` until the server ends. `auto` is `redis` with `adapter: redis` or `redis-streams`, "
                    + "else `sqlite`, and `memory` with a warning where the file cannot be written."),
            .text(
                "chat.databaseFile", \.chat.databaseFile, allowed: "a path",
                "SQLite file of the chat, in a folder that is made when it is not there. Beside it are two more of the "
                    + "same name while the server runs."
            ) { !$0.isEmpty && $0.utf8.count <= 4096 },
            .text(
                "chat.redisPrefix", \.chat.redisPrefix, allowed: "1 to 64 visible ASCII characters",
                "In front of the names of all keys of the chat in Redis."
            ) { (1...64).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x21...0x7e).contains($0) } },
            .number(
                "chat.maxTextBytes", \.chat.maxTextBytes, 1...1_048_576, unit: "bytes",
                "Largest text of a message, in UTF-8; a larger one is refused."),
            .number(
                "chat.messagesPerMinute", \.chat.messagesPerMinute, 1...100_000,
                "Messages that a person may send, edit, delete and react to in a minute on one server, thirty of them at "
                    + "once; uploads and new rooms count, too. Ten times as many questions are answered, of which searches "
                    + "and pages of history count several times. Pages wait and repeat what is refused."),
            .number(
                "chat.addressFactor", \.chat.addressFactor, 0...100_000,
                "How many times as much all people without a login at one address may write and ask for together as one "
                    + "person may; 0 for no limit. A new person counts as a message, a new room as ten. Behind a load "
                    + "balancer the address is right only with `trustedProxies`."),
            .number(
                "chat.uploadBytesPerHour", \.chat.uploadBytesPerHour, 65_536...68_719_476_736, unit: "bytes",
                "Bytes of files that all people without a login at one address, or one person with a login, may upload in an "
                    + "hour on one server, or at once."),
            .number(
                "chat.maxPeople", \.chat.maxPeople, 1...100_000_000,
                "People the chat knows. A new person beyond takes the place of one who never took part and has been away for "
                    + "an hour, and is refused when there is none."),
            .number(
                "chat.maxPlaces", \.chat.maxPlaces, 1...10_000,
                "Communities that one person may be in, and communities, channels and conversations that one person may "
                    + "begin. Others may add a person to groups until there are twice as many."),
            .number(
                "chat.maxChannels", \.chat.maxChannels, 1...10_000,
                "Channels of one community. A new one beyond takes the place of the oldest in which nothing was said for an "
                    + "hour since it was made, and is refused when there is none."),
            .number(
                "chat.nameHoldDays", \.chat.nameHoldDays, 1...36_500,
                "Days that a name belongs to a person who is away. People who never took part are forgotten then, and rooms in "
                    + "which nothing was ever said are removed."),
            .number(
                "chat.maxFileBytes", \.chat.maxFileBytes, 1...1_073_741_824, unit: "bytes",
                "Largest file that people may send each other."),
            .number(
                "chat.filesBytes", \.chat.filesBytes, 0...68_719_476_736, unit: "bytes",
                "Largest size of all files, each counted with 4,096 additional bytes as soon as it is announced; the "
                    + "oldest are removed first."),
            .number(
                "chat.historyMessages", \.chat.historyMessages, 1...10_000_000,
                "Messages kept for each room; the oldest are removed first."),
            .number(
                "chat.historyRoomBytes", \.chat.historyRoomBytes, 0...1_073_741_824, unit: "bytes",
                "Largest size of the messages kept for one room; the oldest are removed first."),
            .number(
                "chat.historyRooms", \.chat.historyRooms, 10...10_000_000,
                "Communities, channels and conversations there may be. A new one beyond takes the place of the oldest in which "
                    + "nothing was said for an hour since it was made, and is refused when there is none."),
            .number(
                "chat.historyBytes", \.chat.historyBytes, 0...68_719_476_736, unit: "bytes",
                "Largest size of the messages kept for all rooms; the room with the most bytes loses its oldest messages first."
            ),
            .number(
                "chat.historyDays", \.chat.historyDays, 0...36_500,
                "Days that messages are kept; 0 for no limit of age."),
        ])
}

extension Settings.Chat {
    /// The limits in the form that the chat takes.
    var limits: ChatLimits {
        var limits = ChatLimits()
        limits.maxTextBytes = maxTextBytes
        limits.messagesPerMinute = messagesPerMinute
        limits.addressFactor = addressFactor
        limits.uploadBytesPerHour = uploadBytesPerHour
        limits.maxPeople = maxPeople
        limits.maxPlaces = maxPlaces
        limits.maxChannels = maxChannels
        limits.nameHold = .seconds(86_400 * nameHoldDays)
        limits.maxFileBytes = maxFileBytes
        limits.filesBytes = filesBytes
        limits.historyDays = historyDays
        limits.historyMessages = historyMessages
        limits.historyRoomBytes = historyRoomBytes
        limits.historyRooms = historyRooms
        limits.historyBytes = historyBytes
        return limits
    }
}
