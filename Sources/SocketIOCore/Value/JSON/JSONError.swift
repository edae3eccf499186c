// Part of socketio-server, MIT licence; see LICENSE.

/// Why a text is not acceptable JSON, and where.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was wrong.
    public enum Kind: String, Equatable, Sendable, Codable {
        /// The text ended inside a value.
        case unexpectedEnd = "the text ends inside a value"
        /// A byte that cannot stand here.
        case unexpectedByte = "unexpected byte"
        /// More follows after the value.
        case trailingBytes = "bytes after the end of the value"
        /// A string holds bytes that are not UTF-8.
        case invalidUTF8 = "invalid UTF-8 in a string"
        /// A backslash is followed by something that is not an escape.
        case invalidEscape = "invalid escape in a string"
        /// A string holds a raw byte below 0x20.
        case controlCharacter = "raw control character in a string"
        /// A number breaks the grammar of RFC 8259, section 6.
        case invalidNumber = "invalid number"
        /// Arrays and objects are nested more deeply than allowed.
        case tooDeep = "nested too deeply"
        /// The key of an object is longer than allowed.
        case keyTooLong = "an object's key is too long"
        /// The text is valid JSON but not an array.
        case notAnArray = "not an array"
        /// The text is longer than offsets can express (4 GiB).
        case tooLong = "text too long"
        /// A placeholder names an attachment that does not exist.
        case illegalAttachment = "illegal attachments"
    }

    /// What was wrong.
    public let kind: Kind
    /// Byte offset in the text, counted from 0.
    public let offset: Int

    package init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
    }

    /// The reason and the offset, for logs.
    public var description: String { "\(kind.rawValue) at byte \(offset)" }
}
