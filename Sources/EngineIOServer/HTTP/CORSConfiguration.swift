// Part of socketio-server, MIT licence; see LICENSE.

/// Which pages may use the engine, and what browsers are told about that (CORS).
///
/// Browsers send the origin of a page in `Origin`. They keep pages of other origins from reading answers unless CORS headers
/// allow it, but let every page open WebSockets and send requests: a server that relies on cookies has to refuse foreign
/// pages itself, which ``enforce`` does. Programs can send any `Origin` or none, so this protects people with a browser, not the
/// server from programs.
public struct CORSConfiguration: Sendable {
    /// Which origins are allowed.
    public enum Origin: Sendable {
        /// The pages of the host and port that the request itself is for: those in its `Host`, or in the
        /// `X-Forwarded-Host` of a trusted proxy. No CORS headers are sent, since such pages need none. The scheme is not
        /// compared, because TLS may end at a proxy, and the ports 80 and 443 are equal to none.
        case sameHost
        /// `Access-Control-Allow-Origin: *`. Browsers refuse it together with credentials.
        case any
        /// Always this origin.
        case exactly(String)
        /// One of these, compared as written; the request's origin is reflected.
        case list([String])
        /// Whatever the closure allows; the request's origin is reflected. Runs on an event loop and must not block.
        case matching(@Sendable (_ origin: String) -> Bool)
        /// Any origin, reflected. Refused by ``EngineConfiguration/validate()`` together with credentials.
        case reflect
        /// No CORS handling at all.
        case disabled
    }

    /// Which origins are allowed; default ``Origin/any``.
    public var origin: Origin
    /// Methods named to preflights; default `GET,HEAD,PUT,PATCH,POST,DELETE`.
    public var methods: [String]
    /// Request headers named to preflights; nil, the default, reflects what the preflight asks for.
    public var allowedHeaders: [String]?
    /// Response headers that scripts may read; default none.
    public var exposedHeaders: [String]
    /// Whether cookies and credentials are allowed; default false.
    public var credentials: Bool
    /// How long a preflight may be cached, in seconds; nil, the default, leaves it to the browser.
    public var maxAge: Int?
    /// Whether preflights go on to the engine instead of being answered; default false.
    public var preflightContinue: Bool
    /// The status of an answered preflight; default 204.
    public var optionsSuccessStatus: Int
    /// Refuses requests of origins that are not allowed with code 4 and status 403, on both transports; default true.
    ///
    /// With false a foreign page is only kept from reading answers, as in Node.js, and WebSockets are not covered at all. A
    /// request without an `Origin` header does not come from a foreign page and is let through.
    public var enforce: Bool

    /// Rules for `origin` and the defaults for the rest.
    public init(
        origin: Origin = .any, methods: [String] = ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"],
        allowedHeaders: [String]? = nil, exposedHeaders: [String] = [], credentials: Bool = false, maxAge: Int? = nil,
        preflightContinue: Bool = false, optionsSuccessStatus: Int = 204, enforce: Bool = true
    ) {
        self.origin = origin
        self.methods = methods
        self.allowedHeaders = allowedHeaders
        self.exposedHeaders = exposedHeaders
        self.credentials = credentials
        self.maxAge = maxAge
        self.preflightContinue = preflightContinue
        self.optionsSuccessStatus = optionsSuccessStatus
        self.enforce = enforce
    }
}
