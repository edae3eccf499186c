// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import NIOHTTP1

/// The request that opened a session, or the one a hook is asked about.
///
/// A value without ties to its connection: it may be kept as long as the session lives and used from any thread. It is kept
/// for every session, so its texts lie in one piece of memory; each property that is not a number is made anew when it is
/// asked for.
public struct HandshakeInfo: Sendable {
    /// Method, url, address, then names and values of the headers.
    private let texts: PackedStrings
    /// When the request arrived, in milliseconds since 1970-01-01 UTC.
    public let time: Int64
    /// Whether the connection to this server uses TLS.
    public let isSecure: Bool

    /// The request method, normally `GET`.
    public var method: String { texts[0] }
    /// Path and query as the client sent them, undecoded.
    public var url: String { texts[1] }
    /// The client's address without port; behind trusted proxies the one they report. Empty when it was already gone.
    public var remoteAddress: String { texts[2] }

    /// The request headers, in order. Names compare without regard to case.
    public var headers: HTTPHeaders {
        let fields = texts.all.dropFirst(3)
        var headers = HTTPHeaders()
        headers.reserveCapacity(fields.count / 2)
        var name: String?
        for text in fields {
            guard let header = name else {
                name = text
                continue
            }
            headers.add(name: header, value: text)
            name = nil
        }
        return headers
    }

    /// The bytes of memory that the kept parts of the request take.
    var keptBytes: Int { texts.byteCount }

    /// The same information with only the headers that the server keeps.
    func keeping(_ kept: KeptHeaders) -> HandshakeInfo {
        guard kept != .all else { return self }
        let some = headers.filter { kept.includes($0.name) }.map { ($0.name, $0.value) }
        return HandshakeInfo(
            method: method, url: url, headers: HTTPHeaders(some), remoteAddress: remoteAddress, isSecure: isSecure,
            time: time)
    }

    /// Query parameters, decoded; of repeated names the last one counts. Parsed at each call.
    public var query: NameDictionary<String> {
        NameDictionary(QueryParameters(target: url).all, uniquingKeysWith: { _, last in last })
    }

    /// Describes a request for a test or for an embedding that does its own HTTP.
    public init(
        method: String, url: String, headers: HTTPHeaders, remoteAddress: String, isSecure: Bool, time: Int64
    ) {
        var bound =
            PackedStrings.bound(of: method) + PackedStrings.bound(of: url) + PackedStrings.bound(of: remoteAddress)
        for (name, value) in headers { bound += PackedStrings.bound(of: name) + PackedStrings.bound(of: value) }
        var texts = PackedStrings.Builder(bound: bound)
        texts.append(method)
        texts.append(url)
        texts.append(remoteAddress)
        for (name, value) in headers {
            texts.append(name)
            texts.append(value)
        }
        self.texts = texts.finish()
        self.isSecure = isSecure
        self.time = time
    }

    package init(_ request: HTTPServerRequest) {
        self.init(
            method: request.method.rawValue, url: request.target, headers: request.headers,
            remoteAddress: request.clientAddress, isSecure: request.isSecure, time: WallClock.milliseconds())
    }
}
