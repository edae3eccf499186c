// Part of socketio-server, MIT licence; see LICENSE.

public import NIOCore
public import NIOHTTP1

/// Answers the requests on the server's port that are neither for the engine nor for a client file.
///
/// It is the counterpart of `http.createServer(express)` in Node. Each request is answered in a task of its own, which
/// is cancelled when the connection drops.
public protocol HTTPApplication: Sendable {
    /// Answers one request. If it returns without an answer, the client gets 500. If it returns in the middle of a
    /// body, the server cuts the connection, so that the client does not take the part for the whole.
    func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async
}

/// One request to the application. Its body may not have arrived yet.
public struct ApplicationRequest: Sendable {
    /// The method.
    public let method: HTTPMethod
    /// Path and query as sent, undecoded; `*` for an `OPTIONS` about the whole server.
    public let target: String
    /// HTTP 1.0 or 1.1.
    public let version: HTTPVersion
    /// The headers, in order.
    public let headers: HTTPHeaders
    /// The peer of the connection; nil when the connection has already closed.
    public let remoteAddress: SocketAddress?
    /// The client's address as text, according to the rules for trusted proxies; empty when unknown.
    public let clientAddress: String
    /// Whether this hop uses TLS.
    public let isSecure: Bool
    /// The body. While nobody reads it, the server does not read further bytes from the client.
    public let body: ApplicationRequestBody
    /// The connection, for frameworks that want to know it. Only the server may read from it or write to it.
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
    /// The headers. `Content-Length` is added when the response is sent.
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
        // A failure means that the client has disconnected, so no answer can reach it.
        try? await writer.respond(status: response.status, headers: response.headers, body: response.body)
    }
}
