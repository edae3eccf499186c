// Part of socketio-server, MIT licence; see LICENSE.

internal import Crypto
internal import EngineIOCore
internal import EngineIOServer
internal import Logging
internal import Metrics
internal import NIOCore
internal import NIOHTTP1
internal import SocketIOCore
internal import SocketIOServer

/// The HTTP API (docs/http-api.md): sends events, changes rooms, disconnects and tells who is there, for programs that are no
/// Socket.IO clients. Hands on everything that is not below `/api/`.
struct HTTPAPI<Next: HTTPApplication>: HTTPApplication {
    let api: HTTPAPICore
    let next: Next

    func respond(to request: ApplicationRequest, writer: ApplicationResponseWriter) async {
        guard request.target.beginsWithBytes(of: HTTPAPICore.path) else {
            return await next.respond(to: request, writer: writer)
        }
        let answer = await api.answer(request)
        // Fails only when the client has gone; there is nobody left to tell.
        try? await writer.respond(status: answer.status, headers: answer.headers, body: answer.body)
    }
}

/// What all listeners with the API share.
final class HTTPAPICore: Sendable {
    static let path = "/api/"
    /// Several operations in one request.
    static let batch = "batch"
    static let description = "openapi.json"

    private let tokens: [APIToken]
    let limits: APILimits
    private let server: Server
    private let logger: Logger
    private let idempotency = IdempotencyStore()

    init(tokens: [APIToken], limits: APILimits, server: Server, logger: Logger) {
        self.tokens = tokens
        self.limits = limits
        self.server = server
        self.logger = logger
    }

    /// The API that the settings ask for; nil when there are no tokens.
    static func make(_ settings: Settings, server: Server, logger: Logger) -> HTTPAPICore? {
        let tokens = settings.api.tokens.compactMap { APIToken($0) }
        guard !tokens.isEmpty else { return nil }
        let limits = APILimits(
            maxBodyBytes: settings.api.maxBodyBytes, maxBatch: settings.api.maxBatch,
            maxAckTimeoutMs: settings.api.maxAckTimeoutMs, maxNameLength: settings.limits.maxNameLength,
            maxEventNameLength: settings.limits.maxEventNameLength, maxNesting: settings.limits.maxNesting)
        return HTTPAPICore(tokens: tokens, limits: limits, server: server, logger: logger)
    }

    /// Answers a request below ``path``.
    func answer(_ request: ApplicationRequest) async -> ApplicationResponse {
        let name = String(
            decoding: request.target.utf8.dropFirst(Self.path.utf8.count).prefix { $0 != UInt8(ascii: "?") },
            as: UTF8.self)
        var response: ApplicationResponse
        do {
            response = try await route(name, request)
        } catch {
            response = Self.response(error)
        }
        response.headers.add(name: "Cache-Control", value: "no-store")
        response.headers.add(name: "X-Content-Type-Options", value: "nosniff")
        Counter(
            label: "socketio_api_requests_total",
            dimensions: [("operation", Self.isKnown(name) ? name : "other"), ("status", "\(response.status.code)")]
        ).increment()
        return response
    }

    private static func isKnown(_ name: String) -> Bool {
        APIOperation.Kind(rawValue: name) != nil || APIQuestion(rawValue: name) != nil || name == batch
    }

    private func route(_ name: String, _ request: ApplicationRequest) async throws(APIError) -> ApplicationResponse {
        // Length first: the names are compared as texts.
        guard name.utf8.count <= 32 else { throw Self.notFound }
        if name == Self.description {
            try Self.require([.GET, .HEAD], request)
            return Self.response(.ok, APIDescription.text)
        }
        guard let token = APIToken.find(request, in: tokens) else {
            throw APIError(
                code: .unauthorized, message: "send 'Authorization: Bearer …' with the secret of one of api.tokens")
        }
        if let question = APIQuestion(rawValue: name) {
            try Self.require([.GET, .HEAD], request)
            try Self.require(question.scope, token)
            let value = try await question.answer(
                QueryParameters(target: request.target), limits: limits, server: server)
            return Self.response(.ok, value)
        }
        let kind = APIOperation.Kind(rawValue: name)
        guard kind != nil || name == Self.batch else { throw Self.notFound }
        try Self.require([.POST], request)
        if let kind { try Self.require(kind.scope, token) }
        let body = try await body(of: request)
        let operations = try operations(kind, body, token)
        let isBatch = kind == nil
        guard let key = try Self.idempotencyKey(of: request) else {
            return await carryOut(operations, isBatch: isBatch, token, request.clientAddress)
        }
        var digest = SHA256()
        digest.update(data: Array(name.utf8) + [0])
        digest.update(data: body.readableBytesView)
        let address = request.clientAddress
        let found = await idempotency.answer(
            token.name + "\u{0}" + key, to: digest.finalize()
        ) { await self.carryOut(operations, isBatch: isBatch, token, address) }
        guard let found else {
            throw APIError(
                code: .keyReused, message: "this Idempotency-Key was used for another request; use a new one for each")
        }
        var answer = found.answer
        if found.isRepeated { answer.headers.add(name: "Idempotent-Replayed", value: "true") }
        return answer
    }

    // MARK: Doing it

    private func carryOut(
        _ operations: [APIOperation], isBatch: Bool, _ token: APIToken, _ address: String
    ) async -> ApplicationResponse {
        var results: [SocketValue] = []
        for operation in operations {
            logger.debug(
                "operation of the HTTP API",
                metadata: [
                    "operation": "\(operation.kind.rawValue)",
                    "nsp": "\(operation.namespace.escapingControlCharacters())",
                    "token": "\(token.name)", "remote": "\(address)",
                ])
            do throws(APIError) {
                results.append(try await operation.run(on: server))
            } catch {
                guard isBatch else { return Self.response(error) }
                // The others of a batch are carried out all the same, and the answer says which one was not.
                results.append(error.value)
            }
        }
        return Self.response(.ok, isBatch ? ["results": .array(results)] : results[0])
    }

    // MARK: Answers

    private static func response(_ error: APIError) -> ApplicationResponse {
        var answer = response(error.code.status, error.value)
        if error.code == .unauthorized { answer.headers.add(name: "WWW-Authenticate", value: "Bearer") }
        if let allowed = error.allowed { answer.headers.add(name: "Allow", value: allowed) }
        return answer
    }

    private static func response(_ status: HTTPResponseStatus, _ value: SocketValue) -> ApplicationResponse {
        guard let json = try? RawJSON(around: value).json else { return response(.internalServerError, "{}") }
        return response(status, json)
    }

    private static func response(_ status: HTTPResponseStatus, _ json: String) -> ApplicationResponse {
        ApplicationResponse(
            status: status, headers: ["Content-Type": "application/json; charset=utf-8"],
            body: ByteBuffer(string: json + "\n"))
    }
}
