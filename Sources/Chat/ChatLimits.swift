// Part of socketio-server, MIT licence; see LICENSE.

/// How large messages may be, and how much of them the chat keeps. Sizes are bytes of UTF-8; a message counts with its
/// sender's name, its room and ``ChatHistory/overhead``.
public struct ChatLimits: Sendable, Hashable {
    /// Largest text of a message; default 8,000, which is 2,000 characters of any script and most emoji.
    public var maxTextBytes = 8_000
    /// Messages kept for each room; default 50.
    public var historyMessages = 50
    /// Bytes of the messages kept for each room; default 64 KiB. A message larger than that is delivered but not kept.
    public var historyRoomBytes = 65_536
    /// Rooms with a history; default 1,000.
    public var historyRooms = 1_000
    /// Bytes of the messages kept for all rooms; default 16 MiB.
    public var historyBytes = 16_777_216

    /// All defaults.
    public init() {}
}
