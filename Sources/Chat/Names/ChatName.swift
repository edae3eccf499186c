// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import SocketIOServer

/// One line of text that people see, such as a name or a title.
enum ChatText {
    /// One line of visible text without blanks at its ends, normalised so that equivalent spellings become equal
    /// (NFKC); nil for anything else. The length in bytes is checked first, since normalising or counting the
    /// characters of a megabyte would be expensive.
    static func line(_ text: String, characters: Int, bytes: Int) -> String? {
        guard text.utf8.count <= 4 * bytes else { return nil }
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard trimmed.utf8.count <= bytes else { return nil }
        let folded = trimmed.precomposedStringWithCompatibilityMapping
        // One character can become many.
        guard folded.utf8.count <= bytes, (1...characters).contains(folded.count), isVisible(folded.unicodeScalars)
        else { return nil }
        return folded
    }

    /// Whether all of it can be seen and stands where it is read: no control and format characters, among them those
    /// that turn the direction of writing around, no blanks but the plain one, no piles of accents, at least one
    /// letter, digit or symbol.
    private static func isVisible(_ scalars: String.UnicodeScalarView) -> Bool {
        var marks = 0
        var shown = 0
        var before: Unicode.Scalar?
        for scalar in scalars {
            let properties = scalar.properties
            switch properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
                return false
            case .spaceSeparator:
                guard scalar == " ", before != " " else { return false }
                marks = 0
            case .nonspacingMark, .enclosingMark, .spacingMark:
                // The mark that asks for the coloured form of an emoji.
                if scalar.value == 0xfe0f, let before, before.properties.isEmoji { break }
                guard !properties.isDefaultIgnorableCodePoint else { return false }
                marks += 1
                guard marks <= 3, shown > 0 else { return false }
            default:
                // The blank of Braille, the fillers of Hangul.
                guard scalar.value != 0x2800, !properties.isDefaultIgnorableCodePoint else { return false }
                marks = 0
                shown += 1
            }
            before = scalar
        }
        return shown > 0
    }
}

/// A person's name: 1 to 32 characters on one line, 124 bytes at most, in scripts that belong together.
///
/// Two names that look the same are the same name: ``skeleton`` is equal then. A person is an id, so the name gives no
/// access to anything; that names are told apart only keeps people from being taken for others.
struct ChatName: Sendable {
    /// The displayed form: composed, in the case that was typed.
    let text: String
    /// What is compared: case is folded, and letters that look alike are one.
    let skeleton: String

    private static let maximumBytes = 124

    /// Nil for a name that nobody can have.
    init?(_ text: String?) {
        guard let text = text.flatMap({ ChatText.line($0, characters: 32, bytes: Self.maximumBytes) }),
            ScriptRules.areTogether(text.unicodeScalars)
        else { return nil }
        self.text = text
        skeleton = ScriptRules.skeleton(text.lowercased().precomposedStringWithCompatibilityMapping)
    }
}

extension ChatName: Equatable {
    static func == (left: ChatName, right: ChatName) -> Bool { left.skeleton.hasSameBytes(as: right.skeleton) }
}

/// The title of a channel, community or group: 1 to 64 characters on one line, 200 bytes at most, by the same rules as
/// a person's name.
struct ChatTitle: Sendable {
    /// The displayed form.
    let text: String
    /// What is compared.
    let skeleton: String

    /// Nil for a title that nothing can have.
    init?(_ text: String) {
        guard let text = ChatText.line(text, characters: 64, bytes: 200),
            ScriptRules.areTogether(text.unicodeScalars)
        else { return nil }
        self.text = text
        skeleton = ScriptRules.skeleton(text.lowercased().precomposedStringWithCompatibilityMapping)
    }
}
