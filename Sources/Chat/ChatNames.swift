// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// A person's name: 1 to 32 characters on one line. Two names that differ only in case are the same person's.
struct ChatName: Equatable, Sendable {
    let text: String

    init?(_ text: String?) {
        // Measured first: whatever else is done to a text takes time with its length.
        guard let text, text.utf8.count <= 128 else { return nil }
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...32).contains(trimmed.count),
            !trimmed.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return nil }
        self.text = trimmed
    }

    private var folded: String { text.lowercased() }

    /// The room that this person's connections are in. No client can name it: clients name rooms by ``ChatRoom``.
    var personRoom: String { "person:" + folded }

    static func == (left: ChatName, right: ChatName) -> Bool { left.folded == right.folded }
}

/// A place to talk: a public room or a conversation of two. Keys carry a prefix, so that nobody can enter another room
/// of the server, such as the one that belongs to somebody's socket, by guessing its name.
struct ChatRoom: Sendable {
    private static let publicPrefix = "room:"
    private static let directPrefix = "direct:"

    /// Most bytes of a key: a conversation's has the names of two people.
    private static let maxKeyBytes = 512

    let key: String
    let title: String
    let isPublic: Bool

    /// A public room, by the name that people gave it.
    init?(title: String) {
        guard title.utf8.count <= 200 else { return nil }
        let title = title.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...64).contains(title.count),
            !title.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return nil }
        self.init(key: Self.publicPrefix + title, title: title, isPublic: true)
    }

    /// A place by its key.
    init?(key: String) {
        guard key.utf8.count <= Self.maxKeyBytes else { return nil }
        if key.hasPrefix(Self.publicPrefix) {
            self.init(key: key, title: String(key.dropFirst(Self.publicPrefix.count)), isPublic: true)
        } else if key.hasPrefix(Self.directPrefix) {
            self.init(key: key, title: "", isPublic: false)
        } else {
            return nil
        }
    }

    private init(key: String, title: String, isPublic: Bool) {
        self.key = key
        self.title = title
        self.isPublic = isPublic
    }

    /// The key of the conversation between two people, whoever begins it.
    static func conversation(_ one: ChatName, _ other: ChatName) -> String {
        directPrefix + [one, other].map { $0.personRoom.dropFirst("person:".count) }.sorted().joined(separator: "\n")
    }
}
