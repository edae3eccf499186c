// Part of socketio-server, MIT licence; see LICENSE.

/// The place of one of a client's sockets: the connection to one namespace, from its CONNECT to its end. One of three number
/// spaces: the members of a namespace have a ``MemberSlot``, the sessions of an event loop a `SessionSlot`.
package struct ClientSlot: Sendable, Hashable, ExpressibleByIntegerLiteral {
    // In four bytes, because every socket has one.
    private let number: Int32

    package init(_ index: Int) { number = Int32(clamping: index) }

    package init(integerLiteral number: Int32) { self.number = number }

    /// The place in a list with one for each slot.
    package var index: Int { Int(number) }
}
