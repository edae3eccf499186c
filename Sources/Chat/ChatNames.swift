// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import SocketIOServer

/// Names of people and rooms.
private enum ChatText {
    /// One line of visible text without blanks at its ends, normalised so that equivalent spellings become equal
    /// (NFKC); nil for anything else. The length in bytes is checked first, since normalising or counting the
    /// characters of a megabyte would be expensive.
    static func line(_ text: String, characters: Int, bytes: Int) -> String? {
        guard text.utf8.count <= 4 * bytes else { return nil }
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard trimmed.utf8.count <= bytes else { return nil }
        let folded = trimmed.precomposedStringWithCompatibilityMapping
        // One character can become many.
        guard folded.utf8.count <= bytes, (1...characters).contains(folded.count),
            !folded.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return nil }
        return folded
    }

    /// Without characters that show nothing, such as blanks without width and marks for the direction of writing.
    static func visible(_ text: String) -> String {
        var visible = String.UnicodeScalarView()
        visible.append(contentsOf: text.unicodeScalars.filter { !$0.properties.isDefaultIgnorableCodePoint })
        return String(visible)
    }
}

/// A person's name: 1 to 32 characters on one line, 124 bytes at most.
///
/// Two names that people would take for one are the same person's: they are compared after folding compatible
/// characters (NFKC) and case, without those that show nothing.
struct ChatName: Sendable {
    /// The displayed form: composed, in the case that was typed.
    let text: String
    private let folded: String

    init?(_ text: String?) {
        guard let text = text.flatMap({ ChatText.line($0, characters: 32, bytes: ChatName.maximumBytes) }),
            let folded = ChatText.line(
                ChatText.visible(text.lowercased()), characters: 64, bytes: ChatName.maximumBytes)
        else { return nil }
        self.text = text
        self.folded = folded
    }

    private static let personPrefix = "person:"
    /// The largest size of the folded name, so that two of them fit into the name of a room.
    private static let maximumBytes = 124

    /// The room that this person's connections are in. No client can name it: clients name rooms by ``ChatRoom``.
    var personRoom: String { Self.personPrefix + folded }

    /// Both names as one text, the same in either order.
    static func conversation(_ one: ChatName, _ other: ChatName) -> String {
        [one.folded, other.folded].sortedByBytes().joined(separator: "\n")
    }
}

extension ChatName: Equatable {
    static func == (left: ChatName, right: ChatName) -> Bool { left.folded.hasSameBytes(as: right.folded) }
}

/// A place to talk: a public room or a conversation of two. Keys carry a prefix, so that nobody can enter another room
/// of the server, such as the one that belongs to somebody's socket, by guessing its name.
struct ChatRoom: Sendable {
    private static let publicPrefix = "room:"
    private static let directPrefix = "direct:"
    /// The largest size of a key, which is that of a room's name. The key of a conversation contains two names.
    static let maximumKeyBytes = 256

    let key: String
    let title: String
    let isPublic: Bool

    /// A public room, by the name that people gave it: 1 to 64 characters on one line, 200 bytes at most. Names that
    /// differ only in compatible characters (NFKC) are one room; case counts, since the name is shown as it was typed.
    init?(title: String) {
        guard let title = ChatText.line(title, characters: 64, bytes: 200) else { return nil }
        self.init(key: Self.publicPrefix + title, title: title, isPublic: true)
    }

    /// A place by its key, which may be any text that a client has sent.
    init?(key: String) {
        guard key.utf8.count <= Self.maximumKeyBytes else { return nil }
        if key.beginsWithBytes(of: Self.publicPrefix) {
            let title = Substring(key.utf8.dropFirst(Self.publicPrefix.utf8.count))
            self.init(key: key, title: String(title), isPublic: true)
        } else if key.beginsWithBytes(of: Self.directPrefix) {
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

    /// Conversations that one connection may be in.
    static let maximumConversations = 256

    /// Whether a connection in these rooms may be in a conversation too.
    static func mayConverse(_ rooms: NameSet, in key: String) -> Bool {
        rooms.contains(key) || rooms.count { $0.beginsWithBytes(of: directPrefix) } < maximumConversations
    }

    /// The key of the conversation between two people. It does not matter which of them opens it.
    static func conversation(_ one: ChatName, _ other: ChatName) -> String {
        directPrefix + ChatName.conversation(one, other)
    }
}
