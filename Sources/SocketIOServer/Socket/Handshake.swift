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

    /// A handshake, also one that another server has described.
    public init(request: HandshakeInfo, auth: SocketValue, issued: Int64) {
        self.request = request
        self.source = .value(auth)
        self.issued = issued
    }

    /// That of a client of this server.
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

    /// The headers of the first request.
    public var headers: HTTPHeaders { request.headers }
    /// Path and query of the first request, as sent.
    public var url: String { request.url }
    /// The decoded query parameters of the first request. Parsed at each call.
    public var query: NameDictionary<String> { request.query }
    /// The client's address, without port.
    public var address: String { request.remoteAddress }
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
        let seconds = milliseconds.quotientAndRemainder(dividingBy: 1000).quotient
        var days = seconds / 86_400
        var rest = seconds % 86_400
        if rest < 0 {
            rest += 86_400
            days -= 1
        }
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let weekday = weekdays[Int(((days % 7) + 7) % 7)]
        let (year, month, day) = civil(daysSinceEpoch: days)
        let clock = [rest / 3600, rest / 60 % 60, rest % 60].map(padded).joined(separator: ":")
        return "\(weekday) \(months[month - 1]) \(padded(Int64(day))) \(year) \(clock) GMT+0000"
            + " (Coordinated Universal Time)"
    }

    /// The Gregorian date of a day, by the usual shift of the year's start to March.
    private static func civil(daysSinceEpoch days: Int64) -> (year: Int64, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1))
    }

    private static func padded(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
