// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOCore
public import NIOCore
public import NIOHTTP1

/// The verdict of ``EngineConfiguration/allowRequest``.
public enum AllowRequestResult: Sendable, Equatable {
    /// The handshake goes on.
    case allow
    /// The handshake is refused with code 4; the text, if any, replaces the standard message.
    case refuse(String? = nil)
}

/// What an engine middleware decided about a request (protocol 1.5).
public enum EngineMiddlewareResult: Sendable {
    /// Go on, with these headers added to whatever is answered.
    case next(HTTPHeaders = [:])
    /// Refuse the request with code 3; the text is for the server's own `onConnectionError`, not for the client.
    case fail(String)
    /// The request is answered with this; nothing else looks at it.
    case respond(status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer())
}

/// Looks at each engine request before it is verified, in the order of ``EngineConfiguration/middlewares``.
///
/// Runs in a task, off the event loop, and is cancelled when the connection drops.
public typealias EngineMiddleware = @Sendable (HandshakeInfo) async -> EngineMiddlewareResult

/// Adds or changes response headers. Runs on an event loop and must not block.
public typealias EngineHeadersHook = @Sendable (inout HTTPHeaders, HandshakeInfo) -> Void

/// A request the engine refused, as told to ``EngineConfiguration/onConnectionError`` (protocol 1.5).
public struct EngineConnectionError: Sendable {
    /// The refused request.
    public let request: HandshakeInfo
    /// Why.
    public let code: EngineErrorCode
    /// The standard text of the code.
    public let message: String
    /// Details such as `name: TRANSPORT_MISMATCH`, with Node's keys.
    public let context: [String: String]

    /// A refusal with its details.
    public init(request: HandshakeInfo, code: EngineErrorCode, context: [String: String] = [:]) {
        self.request = request
        self.code = code
        self.message = code.message
        self.context = context
    }
}

/// What happens to a client that reads too slowly: when ``EngineConfiguration/maxBufferedBytes`` wait for it, or more than
/// ``EngineConfiguration/slowClientBytes`` without progress for ``EngineConfiguration/slowClientTimeout``.
public enum SlowClientPolicy: String, Sendable, Codable, CaseIterable {
    /// Its session is closed.
    case disconnect
    /// Drops and counts the oldest queued messages: at the hard bound as many as a new message needs, without progress
    /// down to the soft bound.
    case dropOldest
    /// Drops and counts new messages at the hard bound; without progress the newest queued messages, down to the soft
    /// bound.
    case dropNewest
}
