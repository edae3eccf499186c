// Part of socketio-server, MIT licence; see LICENSE.

/// A name that came from a peer: a room, a session, a namespace, a member of an object, another node.
///
/// Two are equal when they are the same UTF-8 bytes, as in Node.js and in every protocol here. A `String` would not do as
/// the key of a table: it compares by canonical equivalence, so that two different names become one, and its hash costs
/// the square of the length of a run of combining marks. This one hashes and compares in linear time. Check the length of
/// a name before making it the key of anything that lasts.
///
/// Names of the application, such as those of settings or metrics, may stay strings. Tests look through the sources for
/// tables whose keys are strings.
///
/// `@frozen` and `@inlinable`, or tables of other modules would hash and compare through calls.
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
        // No byte of UTF-8: tells two names one after the other from those that are cut elsewhere.
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
