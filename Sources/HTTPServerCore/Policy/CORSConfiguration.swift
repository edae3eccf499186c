// Part of socketio-server, MIT licence; see LICENSE.

/// Which pages may use the server, and which CORS headers tell browsers so.
///
/// Browsers send the origin of a page in `Origin`. They keep pages of other origins from reading responses unless CORS
/// headers allow it, but they let every page open WebSockets and send requests. A server that relies on cookies
/// therefore has to refuse foreign pages itself, which ``enforce`` does. Programs can send any `Origin` or none: this
/// setting protects people who use a browser, not the server.
public struct CORSConfiguration: Sendable {
    /// Which origins are allowed.
    public enum Origin: Sendable {
        /// Only pages of the server's own host and port, as named by the request's `Host` or by the `X-Forwarded-Host`
        /// of a trusted proxy. No CORS headers are sent, since such pages need none. The scheme is not compared,
        /// because TLS may end at a proxy, and ports 80 and 443 equal a missing port.
        case sameHost
        /// `Access-Control-Allow-Origin: *`. Browsers refuse it together with credentials.
        case any
        /// Always this origin.
        case exactly(String)
        /// One of these, compared as written; the request's origin is reflected.
        case list([String])
        /// Whatever the closure allows; the request's origin is reflected. Runs on an event loop and must not block.
        case matching(@Sendable (_ origin: String) -> Bool)
        /// Any origin, reflected. Refused together with credentials when the server starts.
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
    /// How long a preflight may be cached, in whole seconds; nil, the default, leaves it to the browser.
    public var maxAge: Duration?
    /// Whether preflights go on to the service instead of being answered; default false.
    public var preflightContinue: Bool
    /// The status of an answered preflight; default 204.
    public var optionsSuccessStatus: Int
    /// Refuses requests of origins that are not allowed with code 4 and status 403, on both transports; default true.
    ///
    /// With false browsers only keep foreign pages from reading responses, as in Node.js, and nothing stops them from
    /// opening WebSockets. A request without an `Origin` header does not come from a foreign page and is always
    /// accepted.
    public var enforce: Bool

    /// Rules for `origin` and the defaults for the rest.
    public init(
        origin: Origin = .any, methods: [String] = ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"],
        allowedHeaders: [String]? = nil, exposedHeaders: [String] = [], credentials: Bool = false,
        maxAge: Duration? = nil,
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
