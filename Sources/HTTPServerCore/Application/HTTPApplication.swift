// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore
public import NIOHTTP1

/// Answers the requests that the server itself does not want, on the same port: neither the engine's nor for client files.
///
/// What `http.createServer(express)` is to Node users. Each request is answered in a task of its own, which is cancelled
/// when the connection drops.
public protocol HTTPApplication: Sendable {
    /// Answers one request. When it returns without an answer the client gets 500; when it returns in the middle of a
    /// body the connection is cut, so that the client cannot take the part for the whole.
    func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async
}

/// One request to the application, with its body still to come.
public struct ApplicationRequest: Sendable {
    /// The method.
    public let method: HTTPMethod
    /// Path and query as sent, undecoded; `*` for an `OPTIONS` about the whole server.
    public let target: String
    /// HTTP 1.0 or 1.1.
    public let version: HTTPVersion
    /// The headers, in order.
    public let headers: HTTPHeaders
    /// The peer of the connection; nil when it is already gone.
    public let remoteAddress: SocketAddress?
    /// The client's address as text after the rules for trusted proxies; empty when unknown.
    public let clientAddress: String
    /// Whether this hop uses TLS.
    public let isSecure: Bool
    /// The body. The client is held back while nobody reads it.
    public let body: ApplicationRequestBody
    /// The connection, for frameworks that want to know it; nobody else may read or write there.
    package let channel: any Channel

    /// Whether the path, without the query, equals this one byte by byte.
    package func isFor(path: String) -> Bool {
        target.utf8.prefix { $0 != UInt8(ascii: "?") }.elementsEqual(path.utf8)
    }
}

/// A complete answer, for ``SimpleApplication``.
public struct ApplicationResponse: Sendable {
    /// The status.
    public var status: HTTPResponseStatus
    /// Headers without `Content-Length`, which is added.
    public var headers: HTTPHeaders
    /// The whole body.
    public var body: ByteBuffer

    /// An answer with status, headers and body.
    public init(status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A plain text answer.
    public static func text(_ text: String, status: HTTPResponseStatus = .ok) -> ApplicationResponse {
        ApplicationResponse(
            status: status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: ByteBuffer(string: text))
    }
}

/// An application made of one closure, for answers that fit in memory.
public struct SimpleApplication: HTTPApplication {
    private let handler: @Sendable (ApplicationRequest) async throws -> ApplicationResponse

    /// Answers each request with what `handler` returns; 500 when it throws.
    public init(_ handler: @escaping @Sendable (ApplicationRequest) async throws -> ApplicationResponse) {
        self.handler = handler
    }

    /// Runs the closure and sends its answer.
    public func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async {
        var response: ApplicationResponse
        do {
            response = try await handler(request)
        } catch {
            response = .text("Internal Server Error\n", status: .internalServerError)
        }
        // A failure means that the client has gone; there is nobody left to tell.
        try? await writer.respond(status: response.status, headers: response.headers, body: response.body)
    }
}
