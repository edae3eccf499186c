// Part of socketio-server, MIT licence; see LICENSE.

/// A person as others see them.
public struct ChatPerson: Codable, Sendable, Equatable {
    /// Stays the same for good. ASCII, made by the server.
    public var id: String
    /// What is shown. Gives access to nothing.
    public var name: String
    /// When they were here last, in milliseconds since 1970; 0 when unknown.
    public var seen: Int64 = 0

    /// A person by id and name.
    public init(id: String, name: String, seen: Int64 = 0) {
        self.id = id
        self.name = name
        self.seen = seen
    }
}

/// A community, a channel of one, or a conversation.
public struct ChatRoom: Codable, Sendable, Equatable {
    /// What pages name it with.
    public var key: String
    /// What people call it; empty for a conversation between two.
    public var title: String
    /// The id of the community it belongs to; empty for conversations.
    public var space: String
    /// The id of the person who made it.
    public var owner: String
    /// When it was made, in milliseconds since 1970.
    public var created: Int64
}

/// A person in a room.
public struct ChatMember: Codable, Sendable, Equatable {
    /// The person's id.
    public var person: String
    /// `owner`, `member` or `banned`.
    public var role: Role
    /// Until when they may not speak, in milliseconds since 1970.
    public var mutedUntil: Int64
    /// The last message they have read.
    public var read: Int64
    /// The last message that one of their devices has received.
    public var delivered: Int64

    /// What a person may do in a community.
    public enum Role: String, Codable, Sendable {
        case owner, member, banned
    }

    init(person: String, role: Role = .member, mutedUntil: Int64 = 0, read: Int64 = 0, delivered: Int64 = 0) {
        self.person = person
        self.role = role
        self.mutedUntil = mutedUntil
        self.read = read
        self.delivered = delivered
    }
}

/// A room as one of its people sees it in the list.
public struct ChatPlace: Codable, Sendable, Equatable {
    /// The room.
    public var room: ChatRoom
    /// The number of its last message.
    public var last: Int64
    /// The number of the last message this person has read.
    public var read: Int64
    /// The last message, as a preview.
    public var message: ChatMessage?
    /// The people of a conversation; absent for channels.
    public var people: [ChatPerson]?
    /// What the person may do there.
    public var role: ChatMember.Role
}

/// What a room looks like when it is opened.
public struct ChatOpening: Codable, Sendable {
    /// The room.
    public var room: ChatRoom
    /// The newest messages, oldest first.
    public var messages: [ChatMessage]
    /// Whether there are older ones.
    public var more: Bool
    /// The number of the last message.
    public var last: Int64
    /// The number of the last message this person has read.
    public var read: Int64
    /// The people of a conversation, with what they have read; absent for channels.
    public var members: [ChatMember]?
    /// The people of a conversation; absent for channels.
    public var people: [ChatPerson]?
}
