// Part of socketio-server, MIT licence; see LICENSE.

/// A name that came from a peer: a room, a session, a namespace, a member of an object, another node.
///
/// Two names are equal when their UTF-8 bytes are, as in Node.js and in every protocol implemented here. A `String` is
/// unsuitable as a key: it compares by canonical equivalence, so that two different names become one, and hashing it
/// takes time proportional to the square of the length of a run of combining marks. This type hashes and compares in
/// linear time. Check the length of a name before you store it as a key.
///
/// Names that the application chooses, such as those of settings or metrics, may remain strings. `NameRulesTests`
/// searches the sources for tables keyed by strings.
///
/// It is `@frozen` and `@inlinable`, because tables in other modules would otherwise hash and compare through function
/// calls.
@frozen
@usableFromInline
package struct ExactName: Sendable {
    /// The name.
    @usableFromInline
    package let text: String

    /// The name `text`, of any length.
    @inlinable
    package init(_ text: String) {
        self.text = text
    }
}

extension ExactName: Hashable {
    @inlinable
    package static func == (left: ExactName, right: ExactName) -> Bool { left.text.hasSameBytes(as: right.text) }

    @inlinable
    package func hash(into hasher: inout Hasher) {
        let isHashed: Void? = text.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if isHashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
        // This byte never occurs in UTF-8, so it separates names that are hashed one after the other.
        hasher.combine(0xFF as UInt8)
    }
}

extension ExactName: Comparable {
    /// By bytes.
    @inlinable
    package static func < (left: ExactName, right: ExactName) -> Bool { left.text.precedesByBytes(right.text) }
}

extension ExactName: ExpressibleByStringLiteral {
    @inlinable
    package init(stringLiteral value: String) { self.init(value) }
}

extension ExactName: CustomStringConvertible {
    /// The name.
    @inlinable
    package var description: String { text }
}
