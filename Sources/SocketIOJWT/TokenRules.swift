// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore
internal import SocketIOServer

/// What must hold for a token beside its signature.
public struct TokenRules: Sendable {
    /// How tokens may be signed; default ``TokenAlgorithm/common``.
    public var algorithms = TokenAlgorithm.common
    /// `iss` must be one of these; empty, the default, means any or none.
    public var issuers: [String] = []
    /// `aud` must be or contain one of these; empty, the default, means any or none.
    public var audiences: [String] = []
    /// How far clocks may differ, for `exp` and `nbf`; default 5 s.
    public var leeway = Duration.seconds(5)
    /// Whether a token without `exp` is refused; default false.
    public var requiresExpiry = false
    /// Longest token in bytes; default 8 KiB.
    public var maximumBytes = 8192

    /// All defaults.
    public init() {}

    /// Looks at the claims of a token whose signature is right.
    ///
    /// - Parameter now: seconds since 1970.
    func check(_ claims: TokenClaims, now: Double) throws(TokenError) {
        let leeway = leeway / .seconds(1)
        if let end = claims.expiresAt {
            guard now < end + leeway else { throw TokenError(.expired) }
        } else if requiresExpiry {
            throw TokenError(.claims)
        }
        if let start = try Self.time("nbf", in: claims.value), now + leeway < start {
            throw TokenError(.notYetValid)
        }
        if !issuers.isEmpty {
            guard let issuer = claims.issuer, issuers.hasBytes(of: issuer) else { throw TokenError(.issuer) }
        }
        if !audiences.isEmpty {
            let audience = claims["aud"]
            let named = audience?.string.map { [$0] } ?? audience?.array?.compactMap(\.string) ?? []
            guard named.contains(where: { audiences.hasBytes(of: $0) }) else { throw TokenError(.audience) }
        }
    }

    /// A claim that is a time; nil when it is not there.
    static func time(_ name: String, in claims: SocketValue) throws(TokenError) -> Double? {
        guard let value = claims[name] else { return nil }
        guard let seconds = value.double, seconds.isFinite else { throw TokenError(.claims) }
        return seconds
    }
}
