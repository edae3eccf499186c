// Part of socketio-server, MIT licence; see LICENSE.

/// The headers of a handshake that the server keeps in memory while its session lives. The hooks that run during the
/// handshake, such as ``EngineConfiguration/allowRequest``, get all headers in any case.
public enum KeptHeaders: Sendable, Equatable {
    /// All headers, as in Node.
    case all
    /// The headers with these names, in any letter case. The handshake of a socket contains no others, so list every
    /// header that the application reads there, such as `Cookie` or `Authorization`.
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
