// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOHTTP1
internal import SocketIOServer

/// Why the HTTP API does not do what a request asks for.
struct APIError: Error, Sendable {
    /// For programs; the list is part of the description of the API.
    enum Code: String, CaseIterable, Sendable {
        case unauthorized
        case forbidden
        case notFound
        case methodNotAllowed
        case tooLarge
        case badJSON
        case badField
        case unknownNamespace
        case keyReused
        case unavailable

        var status: HTTPResponseStatus {
            switch self {
            case .unauthorized: .unauthorized
            case .forbidden: .forbidden
            case .notFound, .unknownNamespace: .notFound
            case .methodNotAllowed: .methodNotAllowed
            case .tooLarge: .payloadTooLarge
            case .badJSON, .badField: .badRequest
            case .keyReused: .unprocessableEntity
            case .unavailable: .serviceUnavailable
            }
        }
    }

    let code: Code
    let message: String
    /// The member of the request that is wrong.
    var field: String?
    /// The methods that the path has.
    var allowed: String?

    /// What is wrong with a member of the request.
    static func field(_ name: String, _ message: String) -> APIError {
        APIError(code: .badField, message: "'\(name)' \(message)", field: name)
    }

    static func unknownNamespace(_ name: String) -> APIError {
        APIError(
            code: .unknownNamespace,
            message: "this node has no namespace '\(name.escapingControlCharacters())' and makes none of that name",
            field: "namespace")
    }

    /// As a member `error` of the answer.
    var value: SocketValue {
        var error: SocketObject = ["code": .string(code.rawValue), "message": .string(message)]
        if let field { error["field"] = .string(field) }
        return ["error": .object(error)]
    }
}
