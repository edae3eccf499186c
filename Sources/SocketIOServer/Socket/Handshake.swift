// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import EngineIOServer
public import NIOHTTP1
public import SocketIOCore

/// What is known about a client from its first request and from its CONNECT packet.
public struct Handshake: Sendable {
    /// The first HTTP request of the session.
    public let request: HandshakeInfo
    /// The `auth` that the client sent for this namespace; an empty object when it sent none. Decoded at each access
    /// from the bytes that the client sent.
    public var auth: SocketValue {
        switch source {
        case .value(let value): value
        case .given(let auth): auth?.value ?? GivenAuth.none
        }
    }
    private let source: AuthSource
    /// When the client connected, in milliseconds since 1970-01-01 UTC.
    public let issued: Int64

    /// Makes a handshake, for example from the description that another server has sent.
    public init(request: HandshakeInfo, auth: SocketValue, issued: Int64) {
        self.request = request
        self.source = .value(auth)
        self.issued = issued
    }

    /// The handshake of a client of this server.
    init(request: HandshakeInfo, given auth: GivenAuth?, issued: Int64) {
        self.request = request
        self.source = .given(auth)
        self.issued = issued
    }

    /// Where ``auth`` comes from.
    private enum AuthSource: Sendable {
        case value(SocketValue)
        /// Nil when the client sent none.
        case given(GivenAuth?)
    }

    /// ``auth`` as JSON, for a client of this server exactly as it was sent; nil when there is none.
    package var authText: RawJSON? {
        switch source {
        case .value(let value): try? RawJSON(encoding: value)
        case .given(let auth): auth?.json
        }
    }

    /// The headers of the first request, as they were sent: a name may have several values.
    public var headers: HTTPHeaders { request.headers }
    /// The value of a header as Node's `socket.handshake.headers` has it, see ``EngineIOServer/HandshakeInfo/header(_:)``.
    public func header(_ name: String) -> String? { request.header(name) }
    /// The cookies of the first request, see ``EngineIOServer/HandshakeInfo/cookies``.
    public var cookies: NameDictionary<String> { request.cookies }
    /// The value of a cookie of the first request; nil when there is none.
    public func cookie(_ name: String) -> String? { request.cookie(name) }
    /// Path and query of the first request, as sent.
    public var url: String { request.url }
    /// The decoded query parameters of the first request. Parsed at each call.
    public var query: NameDictionary<String> { request.query }
    /// The client's address, without port.
    public var address: String { request.remoteAddress }
    /// The address as limits count it, to be used as a key: the same text however the address was written, and for all
    /// addresses of an IPv6 /64 network, since every customer has at least one. What is no IP address stays as it is.
    public var limitedAddress: String { request.limitedAddress }
    /// Whether the connection to this server uses TLS.
    public var secure: Bool { request.isSecure }
    /// Whether the request had an `Origin` header.
    public var xdomain: Bool { request.headers.contains(name: "origin") }
    /// ``issued`` in the form of JavaScript's `Date.toString()`, in UTC.
    public var time: String { HandshakeTime.string(milliseconds: issued) }
}

/// Writes times the way Node servers show them, without Foundation.
enum HandshakeTime {
    static func string(milliseconds: Int64) -> String {
        let date = CivilDate(secondsSince1970: milliseconds / 1000)
        return "\(date.weekdayName) \(date.monthName) \(CivilDate.two(date.day)) \(date.year) \(date.clock) GMT+0000"
            + " (Coordinated Universal Time)"
    }
}
