// Part of socketio-server, MIT licence; see LICENSE.

package import NIOHTTP1

/// A complete, checked request head. It is immutable, and everything that handles the request shares the same object.
package final class RequestHead: Sendable {
    /// How the body is delimited (RFC 9112, 6.3).
    package enum Framing: Equatable, Sendable {
        case none
        case length(Int)
        case chunked
    }

    package let method: HTTPMethod
    package let target: String
    package let version: HTTPVersion
    package let headers: HTTPHeaders
    package let framing: Framing
    /// Whether the client wants to send another request afterwards.
    package let keepAlive: Bool
    /// Whether the client asks for a WebSocket.
    package let isUpgrade: Bool
    /// Whether the client waits for `100 Continue` before it sends the body.
    package let expectsContinue: Bool
    package let traits: HeaderTraits

    init(
        method: HTTPMethod, target: String, version: HTTPVersion, headers: HTTPHeaders, framing: Framing,
        keepAlive: Bool, isUpgrade: Bool, expectsContinue: Bool, traits: HeaderTraits
    ) {
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self.framing = framing
        self.keepAlive = keepAlive
        self.isUpgrade = isUpgrade
        self.expectsContinue = expectsContinue
        self.traits = traits
    }

    /// A head with the same headers and another request line of the same version.
    func with(method: HTTPMethod, target: String) -> RequestHead {
        RequestHead(
            method: method, target: target, version: version, headers: headers, framing: framing, keepAlive: keepAlive,
            isUpgrade: isUpgrade, expectsContinue: expectsContinue, traits: traits)
    }

    /// The same request with other headers, which must have the same meaning.
    func with(_ headers: HTTPHeaders) -> RequestHead {
        RequestHead(
            method: method, target: target, version: version, headers: headers, framing: framing, keepAlive: keepAlive,
            isUpgrade: isUpgrade, expectsContinue: expectsContinue, traits: traits)
    }
}

extension RequestHead: Equatable {
    package static func == (one: RequestHead, other: RequestHead) -> Bool {
        one.method == other.method && one.target == other.target && one.version == other.version
            && one.headers == other.headers && one.framing == other.framing && one.keepAlive == other.keepAlive
            && one.isUpgrade == other.isUpgrade && one.expectsContinue == other.expectsContinue
            && one.traits == other.traits
    }
}

/// Facts about the headers that every request is asked for. The parser notes them, because finding out that a header is
/// missing means looking at all of them.
@frozen
package struct HeaderTraits: Sendable, Equatable {
    package var hasOrigin = false
    /// The client is Internet Explorer, whose own protection against scripts needs a special response header.
    package var isOfOldBrowser = false

    mutating func note(agent: UnsafeRawBufferPointer) {
        isOfOldBrowser = isOfOldBrowser || agent.contains(";MSIE") || agent.contains("Trident/")
    }
}

extension HeaderTraits {
    /// The facts about headers that did not come from a connection.
    init(_ headers: HTTPHeaders) {
        hasOrigin = headers.contains(name: "Origin")
        for agent in headers["User-Agent"] { agent.withBytes { note(agent: $0) } }
    }
}

/// Why a request cannot be served. The connection is closed after the answer, because it is no longer certain where the
/// next request begins.
package enum HTTPRequestError: Error, Equatable {
    /// The request breaks RFC 9112 or is ambiguous; the text is for the log.
    case malformed(String)
    /// The head is larger than allowed.
    case headTooLarge
    /// The head has more headers than allowed.
    case tooManyHeaders
    /// The chunk extensions and trailers of a body together are larger than the limit for a head.
    case chunksTooLarge
    /// `Expect` has a value other than `100-continue`.
    case expectationFailed
    /// `Transfer-Encoding` names a coding other than `chunked`.
    case unknownTransferCoding
    /// The HTTP version is not 1.x.
    case unsupportedVersion

    package var status: HTTPResponseStatus {
        switch self {
        case .malformed, .chunksTooLarge: .badRequest
        case .headTooLarge, .tooManyHeaders: .requestHeaderFieldsTooLarge
        case .expectationFailed: .expectationFailed
        case .unknownTransferCoding: .notImplemented
        case .unsupportedVersion: .httpVersionNotSupported
        }
    }
}
