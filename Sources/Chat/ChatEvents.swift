// Part of socketio-server, MIT licence; see LICENSE.

/// A room or conversation as the page opens it.
public struct ChatPlace: Codable, Sendable {
    /// What the page names it with from now on.
    public var key: String
    /// What people call it.
    public var room: String
    /// Who is there, sorted, oneself included.
    public var people: [String]
    /// The last messages, oldest first.
    public var history: [ChatMessage]
}

/// The answer to a message that was accepted.
public struct ChatReceipt: Codable, Sendable {
    /// The message's id.
    public var id: String
    /// When it was accepted, in milliseconds since 1970.
    public var time: Int64
}

/// How many people are in a public room.
public struct ChatRoomSummary: Codable, Sendable {
    /// The room's name.
    public var name: String
    /// How many different people are there.
    public var people: Int
}

/// Somebody came or went.
struct ChatNotice: Codable, Sendable {
    var room: String
    var name: String
}

/// Who is in a room now.
struct ChatPresence: Codable, Sendable {
    var room: String
    var people: [String]
}

/// Somebody opened a conversation.
struct ChatConversation: Codable, Sendable {
    var room: String
    var with: String
    var history: [ChatMessage]
}
