// Part of socketio-server, MIT licence; see LICENSE.

public import SocketIOCore

/// What a token says, after it has been verified.
public struct TokenClaims: Sendable, Equatable {
    /// All claims, an object.
    public let value: SocketValue
    /// `exp`, in seconds since 1970; nil when the token does not end.
    public let expiresAt: Double?

    /// `sub`.
    public var subject: String? { value["sub"]?.string }
    /// `iss`.
    public var issuer: String? { value["iss"]?.string }

    /// One claim.
    public subscript(name: String) -> SocketValue? { value[name] }
}
