// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
public import NIOHTTP1

/// The request that opened a session, or the one a hook is asked about.
///
/// A value without ties to its connection: it may be kept as long as the session lives and used from any thread.
public struct HandshakeInfo: Sendable {
    /// The request method, normally `GET`.
    public let method: String
    /// Path and query as the client sent them, undecoded.
    public let url: String
    /// The request headers, in order. Names compare without regard to case.
    public let headers: HTTPHeaders
    /// The client's address without port; behind trusted proxies the one they report. Empty when it was already gone.
    public let remoteAddress: String
    /// Whether the connection to this server uses TLS.
    public let isSecure: Bool
    /// When the request arrived, in milliseconds since 1970-01-01 UTC.
    public let time: Int64

    /// Query parameters, decoded; of repeated names the last one counts. Parsed at each call.
    public var query: [String: String] {
        Dictionary(QueryParameters(target: url).all, uniquingKeysWith: { _, last in last })
    }

    /// Describes a request for a test or for an embedding that does its own HTTP.
    public init(
        method: String, url: String, headers: HTTPHeaders, remoteAddress: String, isSecure: Bool, time: Int64
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.remoteAddress = remoteAddress
        self.isSecure = isSecure
        self.time = time
    }

    package init(_ request: EngineRequest) {
        self.init(
            method: request.method.rawValue, url: request.target, headers: request.headers,
            remoteAddress: request.clientAddress, isSecure: request.isSecure, time: WallClock.milliseconds())
    }
}
