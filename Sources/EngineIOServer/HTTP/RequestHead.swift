// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOHTTP1

/// A complete, checked request head.
struct RequestHead: Equatable {
    /// How the body is delimited (RFC 9112, 6.3).
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
    }

    var method: HTTPMethod
    var target: String
    var version: HTTPVersion
    var headers: HTTPHeaders
    var framing: Framing
    /// Whether the client wants to send another request afterwards.
    var keepAlive: Bool
    /// Whether the client asks for a WebSocket.
    var isUpgrade: Bool
    /// Whether the client waits for `100 Continue` before it sends the body.
    var expectsContinue: Bool
}

/// Why a request cannot be served; the connection is closed after the answer, because where the next request would
/// begin is no longer certain.
enum HTTPRequestError: Error, Equatable {
    /// Not HTTP/1.1 as RFC 9112 has it, or ambiguous; the text is for the log.
    case malformed(String)
    /// Head over the size or number of headers allowed.
    case headTooLarge
    /// `Expect` other than `100-continue`.
    case expectationFailed
    /// A transfer coding other than `chunked`.
    case unknownTransferCoding
    /// Not version 1.x.
    case unsupportedVersion

    var status: HTTPResponseStatus {
        switch self {
        case .malformed: .badRequest
        case .headTooLarge: .requestHeaderFieldsTooLarge
        case .expectationFailed: .expectationFailed
        case .unknownTransferCoding: .notImplemented
        case .unsupportedVersion: .httpVersionNotSupported
        }
    }
}
