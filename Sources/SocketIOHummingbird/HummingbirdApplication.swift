// Part of socketio-server, MIT licence; see LICENSE.

public import EngineIOServer
internal import FailureText
internal import HTTPTypes
public import Hummingbird
public import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1
public import SocketIOServer

/// Answers with a Hummingbird application what is not Socket.IO's, on the same port.
///
/// ```swift
/// let router = Router()
/// router.get("/hello") { _, _ in "Hello" }
///
/// let io = Server()
/// io.serve(router)
/// try await io.run()
/// ```
///
/// Requests and answers are streamed with back-pressure in both directions. Hummingbird's own server is not started, so
/// settings of its listener (host, TLS, WebSocket upgrades of its own) have no effect.
public struct HummingbirdApplication<Responder: HTTPResponder>: HTTPApplication
where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
    private let responder: Responder
    private let logger: Logger
    private let failures: RateLimitedLogger<ApplicationLogKind>

    /// An application from a responder, such as `router.buildResponder()`.
    public init(responder: Responder, logger: Logger = Logger(label: "socketio.http")) {
        self.responder = responder
        self.logger = logger
        failures = RateLimitedLogger(logger)
    }

    /// Runs one request through the responder.
    public func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async {
        var logger = logger
        logger[metadataKey: "hb.request.id"] = .stringConvertible(RequestID())
        do {
            try await write(try await response(to: request, logger: logger), to: writer)
        } catch {
            // The connection is cut: either the client has gone, or the answer cannot be completed any more.
            logger.debug("Answer ended early", metadata: ["error": "\(failureText(error))"])
        }
    }

    private func response(to request: ApplicationRequest, logger: Logger) async throws -> Response {
        // Addresses are ASCII (RFC 3986). Routers compare strings, for which other texts of some kilobytes are expensive.
        guard request.target.utf8.allSatisfy({ $0 < 0x80 }) else { return Response(status: .badRequest) }
        let head: HTTPRequest
        do {
            var old = HTTPRequestHead(
                version: request.version, method: request.method, uri: request.target, headers: request.headers)
            // The typed head cannot do without an authority, which HTTP/1.0 clients may leave out.
            if !old.headers.contains(name: "Host") { old.headers.add(name: "Host", value: "localhost") }
            head = try HTTPRequest(old, secure: request.isSecure, splitCookie: false)
        } catch {
            return Response(status: .badRequest)
        }
        let context = Responder.Context(
            source: ApplicationRequestContextSource(channel: request.channel, logger: logger))
        do {
            return try await responder.respond(
                to: Request(head: head, body: RequestBody(asyncSequence: request.body)), context: context)
        } catch {
            failures.log(.requestFailed, on: request.channel.eventLoop, ["error": "\(type(of: error))"])
            return Response(status: .internalServerError)
        }
    }

    private func write(_ response: Response, to writer: ApplicationResponseWriter) async throws {
        // For 304 it would be the length of the answer with contents, and 204 has none (RFC 9110, 8.6). Hummingbird writes it for
        // both.
        let statesLength = response.status != .notModified && response.status != .noContent
        var headers = HTTPHeaders()
        for field in response.headers where statesLength || field.name != .contentLength {
            headers.add(name: field.name.rawName, value: field.value)
        }
        if statesLength, let length = response.body.contentLength, !headers.contains(name: "Content-Length") {
            headers.add(name: "Content-Length", value: String(length))
        }
        try await writer.writeHead(status: HTTPResponseStatus(statusCode: response.status.code), headers: headers)
        try await response.body.write(BodyWriter(writer: writer))
    }
}

/// The lines that requests can cause.
private enum ApplicationLogKind: String, LogKind {
    case requestFailed = "Request failed"
}

/// Passes the pieces of a Hummingbird body on.
private struct BodyWriter: ResponseBodyWriter {
    let writer: ApplicationResponseWriter

    func write(_ buffer: ByteBuffer) async throws {
        try await writer.write(buffer)
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
        try await writer.finish()
    }
}

extension Server {
    /// Answers with `router` what is not Socket.IO's. Call before the server listens.
    public func serve<Context: RequestContext>(
        _ router: Router<Context>, logger: Logger = Logger(label: "socketio.http")
    )
    where Context.Source == ApplicationRequestContextSource {
        application = HummingbirdApplication(responder: router.buildResponder(), logger: logger)
    }
}
