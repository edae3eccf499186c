// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore

/// The affinity cookie of the handshake response, by polling and by WebSocket (protocol 1.13, 6.5).
public struct CookieConfiguration: Sendable {
    /// The `SameSite` attribute.
    public enum SameSite: String, Sendable, Codable {
        /// Never sent across sites.
        case strict = "Strict"
        /// Sent with top-level navigation.
        case lax = "Lax"
        /// Always sent; browsers want `Secure` with it.
        case none = "None"
    }

    /// What the cookie holds.
    public enum Value: String, Sendable, Codable, CaseIterable {
        /// The whole session id, as from Node. It is a secret, and the cookie must be treated as one.
        case sid
        /// Only ``EngineConfiguration/nodeTag``: enough for a load balancer to find the node, and no secret.
        case tag
    }

    /// Default `io`.
    public var name: String
    /// Default ``Value/sid``.
    public var value: Value
    /// Default `/`; nil leaves the attribute out.
    public var path: String?
    /// Default nil: this host only.
    public var domain: String?
    /// How long the browser keeps the cookie, in whole seconds; nil, the default, makes a session cookie.
    public var maxAge: Duration?
    /// A finished HTTP date such as `Wed, 21 Oct 2026 07:28:00 GMT`; default nil.
    public var expires: String?
    /// Default true.
    public var httpOnly: Bool
    /// Nil, the default, means: when the client speaks TLS, with this server or with a trusted proxy that says so.
    public var secure: Bool?
    /// Default ``SameSite/lax``; nil leaves the attribute out.
    public var sameSite: SameSite?

    /// A cookie with the given attributes.
    public init(
        name: String = "io", value: Value = .sid, path: String? = "/", domain: String? = nil, maxAge: Duration? = nil,
        expires: String? = nil, httpOnly: Bool = true, secure: Bool? = nil, sameSite: SameSite? = .lax
    ) {
        self.name = name
        self.value = value
        self.path = path
        self.domain = domain
        self.maxAge = maxAge
        self.expires = expires
        self.httpOnly = httpOnly
        self.secure = secure
        self.sameSite = sameSite
    }

    /// The value of `Set-Cookie`, attributes in Node's order; `value` is percent-encoded as Node does.
    package func serialize(value: String, isSecure: Bool) -> String {
        var cookie = SetCookie(name: name, value: value)
        cookie.maxAge = maxAge?.components.seconds
        cookie.domain = domain
        cookie.path = path
        cookie.expires = expires
        cookie.isHTTPOnly = httpOnly
        cookie.isSecure = secure ?? isSecure
        cookie.sameSite = sameSite?.rawValue
        return cookie.text
    }
}
