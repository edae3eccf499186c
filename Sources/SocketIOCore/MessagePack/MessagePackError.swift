// Part of socketio-server, MIT licence; see LICENSE.

/// Why bytes are not acceptable MessagePack, and where.
package enum MessagePackError: Error, Equatable, Sendable {
    /// The bytes end inside the value that starts at the offset; also when a length announces more than there is.
    case unexpectedEnd(at: Int)
    /// The byte C1, which the format leaves unused.
    case reservedByte(at: Int)
    /// More follows after the value.
    case trailingBytes(at: Int)
    /// Valid, but another kind of value was expected here.
    case unexpectedType(at: Int)
    /// Arrays and maps are nested more deeply than allowed.
    case tooDeep(at: Int)
    /// A map has a name that is neither text nor a number.
    case invalidKey(at: Int)
    /// More byte strings than allowed.
    case tooManyAttachments(at: Int)
    /// The value as JSON would be longer than allowed.
    case tooLong(at: Int)
}

/// What a message from another node may hold.
package struct MessagePackLimits: Sendable {
    /// Nesting of arrays and maps; default 128, the nesting JSON may have.
    package var maximumDepth = 128
    /// Byte strings, each of which becomes an attachment; default 1,024.
    package var maximumAttachments = 1024
    /// Rooms and exceptions that it may name; default 65,536.
    package var maximumRooms = 65_536
    /// Bytes of the JSON text it is turned into; default 64 MiB.
    package var maximumTextLength = 64 << 20

    package init() {}
}
