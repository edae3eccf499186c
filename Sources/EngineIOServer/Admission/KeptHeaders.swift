// Part of socketio-server, MIT licence; see LICENSE.

/// Which headers of a handshake stay in memory for as long as its session lives. The hooks that are asked about the
/// handshake itself, such as ``EngineConfiguration/allowRequest``, get all of them in any case.
public enum KeptHeaders: Sendable, Equatable {
    /// All of them, as in Node.
    case all
    /// Those with these names, in any letter case. An application finds no others in the handshake of its sockets, so
    /// what it reads there, such as `Cookie` or `Authorization`, has to be named.
    case only([String])

    /// Whether a header is kept.
    func includes(_ name: String) -> Bool {
        switch self {
        case .all: true
        case .only(let names): names.contains { Self.isSame($0, name) }
        }
    }

    /// Header names are ASCII (RFC 9110, 5.1), and the request's one was checked when it was parsed.
    private static func isSame(_ one: String, _ other: String) -> Bool {
        guard one.utf8.count == other.utf8.count else { return false }
        return zip(one.utf8, other.utf8).allSatisfy { lowered($0) == lowered($1) }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
