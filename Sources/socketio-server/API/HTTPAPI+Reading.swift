// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore
internal import NIOHTTP1
internal import SocketIOCore
internal import SocketIOServer

/// What a request asks for, and whether it may.
extension HTTPAPICore {
    func body(of request: ApplicationRequest) async throws(APIError) -> ByteBuffer {
        do {
            return try await request.body.collect(upTo: limits.maxBodyBytes)
        } catch is ApplicationRequestBody.TooLarge {
            throw APIError(
                code: .tooLarge, message: "the body is longer than \(limits.maxBodyBytes) bytes (api.maxBodyBytes)")
        } catch {
            throw APIError(code: .badJSON, message: "the body did not arrive completely")
        }
    }

    func operations(
        _ kind: APIOperation.Kind?, _ body: ByteBuffer, _ token: APIToken
    ) throws(APIError) -> [APIOperation] {
        let value: SocketValue
        do {
            // The members around the arguments are no part of an event.
            try JSONScanner.validate(body, maximumDepth: limits.maxNesting + 4)
            value = try RawJSON(body).value
        } catch {
            throw APIError(code: .badJSON, message: "the body is not JSON: \(error)")
        }
        var fields = try APIFields(value, limits: limits)
        if let kind {
            let operation = try APIOperation(kind, &fields, limits: limits)
            try fields.finish()
            return [operation]
        }
        guard let list = try fields.list("operations"), !list.isEmpty, list.count <= limits.maxBatch else {
            throw .field("operations", "must be a list of 1 to \(limits.maxBatch) operations (api.maxBatch)")
        }
        try fields.finish()
        var operations: [APIOperation] = []
        for (index, element) in list.enumerated() {
            do throws(APIError) {
                var fields = try APIFields(element, limits: limits)
                let word = try fields.text("operation", longest: 32)
                guard let kind = word.flatMap(APIOperation.Kind.init(rawValue:)) else {
                    let all = APIOperation.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                    throw .field("operation", "must be one of \(all)")
                }
                try Self.require(kind.scope, token)
                operations.append(try APIOperation(kind, &fields, limits: limits))
                try fields.finish()
            } catch {
                var error = error
                if let field = error.field { error.field = "operations[\(index)].\(field)" }
                throw error
            }
        }
        return operations
    }

    static func idempotencyKey(of request: ApplicationRequest) throws(APIError) -> String? {
        let values = request.headers["Idempotency-Key"]
        guard let key = values.first else { return nil }
        guard values.count == 1, !key.isEmpty, key.utf8.count <= IdempotencyStore.longestKey else {
            throw .field("Idempotency-Key", "must have 1 to \(IdempotencyStore.longestKey) characters, once")
        }
        return key
    }

    static func require(_ methods: [HTTPMethod], _ request: ApplicationRequest) throws(APIError) {
        guard !methods.contains(request.method) else { return }
        let allowed = methods.map(\.rawValue).joined(separator: ", ")
        throw APIError(code: .methodNotAllowed, message: "this path has \(allowed) only", allowed: allowed)
    }

    static func require(_ scope: APIScope, _ token: APIToken) throws(APIError) {
        guard !token.scopes.contains(scope) else { return }
        throw APIError(
            code: .forbidden, message: "the token '\(token.name)' does not have the scope '\(scope.rawValue)'")
    }

    static let notFound = APIError(
        code: .notFound,
        message: "there are "
            + (APIOperation.Kind.allCases.map(\.rawValue) + [batch] + APIQuestion.allCases.map(\.rawValue) + [
                description
            ])
            .map { path + $0 }.joined(separator: ", "))
}
