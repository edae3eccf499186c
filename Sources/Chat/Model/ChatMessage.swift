// Part of socketio-server, MIT licence; see LICENSE.

/// Something that was said in a room.
public struct ChatMessage: Codable, Sendable, Equatable {
    /// The room's key.
    public var room: String
    /// Its place in the room, counted from 1: everyone has the messages in the same order.
    public var seq: Int64
    /// What the sender's page named it; a repeated message with the same name is stored once.
    public var id: String
    /// The sender's id.
    public var from: String
    /// The sender's name at that time.
    public var name: String
    /// What was said; empty when it was deleted, or when it is only a file.
    public var text: String
    /// When it was accepted, in milliseconds since 1970.
    public var time: Int64
    /// Counts the changes.
    public var rev: Int = 0
    /// When it was edited last, in milliseconds since 1970.
    public var edited: Int64?
    /// Whether the sender, or the owner of the community, has deleted it.
    public var deleted: Bool?
    /// What it answers.
    public var reply: Reply?
    /// The file that came with it.
    public var file: ChatFile?
    /// Who has reacted how.
    public var reactions: [Reaction]?

    /// A message that is not stored yet has 0 as its `seq`.
    public init(
        room: String, seq: Int64 = 0, id: String, from: String, name: String, text: String, time: Int64
    ) {
        self.room = room
        self.seq = seq
        self.id = id
        self.from = from
        self.name = name
        self.text = text
        self.time = time
    }

    /// The message that another one answers.
    public struct Reply: Codable, Sendable, Equatable {
        /// Its place in the room.
        public var seq: Int64
        /// Its sender's name.
        public var name: String
        /// How it begins.
        public var text: String
    }

    /// One emoji and those who chose it.
    public struct Reaction: Codable, Sendable, Equatable {
        /// The emoji.
        public var emoji: String
        /// The ids of the people.
        public var people: [String]
    }

    /// How many bytes it counts for in the limits of the history.
    var size: Int {
        256 + text.utf8.count + name.utf8.count + (reply?.text.utf8.count ?? 0)
            + (reactions ?? []).reduce(0) { $0 + $1.emoji.utf8.count + $1.people.count * 32 }
    }
}

/// A file that people send each other.
public struct ChatFile: Codable, Sendable, Equatable {
    /// Made by the sender's page; unguessable for others.
    public var id: String
    /// The file's name.
    public var name: String
    /// Its media type, as the sender's browser tells.
    public var type: String
    /// Its size in bytes.
    public var size: Int
}
