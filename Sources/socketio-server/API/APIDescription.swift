// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// The description of the HTTP API in the form of OpenAPI 3.1: what `/api/openapi.json` answers, and `docs/openapi.json`.
enum APIDescription {
    /// As JSON, with sorted keys.
    static let text = document.prettyJSON

    private static var document: SocketValue {
        var paths: SocketObject = [:]
        for kind in APIOperation.Kind.allCases { paths[HTTPAPICore.path + kind.rawValue] = ["post": operation(kind)] }
        paths[HTTPAPICore.path + HTTPAPICore.batch] = ["post": batch]
        for question in APIQuestion.allCases {
            paths[HTTPAPICore.path + question.rawValue] = ["get": self.question(question)]
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "socketio-server", "version": .string(Version.current),
                "description":
                    "Sends events to Socket.IO clients, changes their rooms, disconnects them and tells who is there.",
            ],
            "paths": .object(paths),
            "components": [
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
                "schemas": schemas,
            ],
            "security": [["token": []]],
        ]
    }

    // MARK: Operations

    private static func operation(_ kind: APIOperation.Kind) -> SocketValue {
        let answer = kind == .emit ? "EmitAnswer" : "Done"
        return [
            "operationId": .string(kind.rawValue),
            "summary": .string(summary(kind)),
            "description": .string("Needs a token with the scope `\(kind.scope.rawValue)`."),
            "parameters": [idempotencyKey],
            "requestBody": ["required": true, "content": json(reference(schemaName(kind)))],
            "responses": responses(
                answer, [.badRequest, .unauthorized, .forbidden, .notFound, .tooLarge, .keyReused, .unavailable]),
        ]
    }

    private static var batch: SocketValue {
        [
            "operationId": "batch",
            "summary": "Carries out several operations in their order",
            "description": .string(
                "All are checked before the first is carried out. One that cannot be carried out then has `error` for its result, and does not keep the others back. Needs the scopes of its operations."
            ),
            "parameters": [idempotencyKey],
            "requestBody": [
                "required": true,
                "content": json([
                    "type": "object", "required": ["operations"], "additionalProperties": false,
                    "properties": [
                        "operations": [
                            "type": "array", "minItems": 1,
                            "items": [
                                "type": "object", "required": ["operation"],
                                "properties": [
                                    "operation": [
                                        "enum": .array(APIOperation.Kind.allCases.map { .string($0.rawValue) })
                                    ]
                                ],
                                "description": "The members of the operation's own request, and `operation`.",
                            ],
                        ]
                    ],
                ]),
            ],
            "responses": responses("BatchAnswer", [.badRequest, .unauthorized, .forbidden, .tooLarge, .keyReused]),
        ]
    }

    private static func summary(_ kind: APIOperation.Kind) -> String {
        switch kind {
        case .emit: "Sends an event to sockets, on all nodes"
        case .join: "Makes sockets join rooms"
        case .leave: "Makes sockets leave rooms"
        case .disconnect: "Disconnects sockets"
        }
    }

    // MARK: Questions

    private static func question(_ question: APIQuestion) -> SocketValue {
        let (summary, answer, parameters): (String, String, [SocketValue]) =
            switch question {
            case .namespaces: ("The namespaces of this node", "Namespaces", [limit])
            case .rooms: ("The rooms of a namespace, the largest first", "Rooms", [namespace, limit])
            case .count: ("How many sockets there are", "Count", [namespace, room])
            case .sockets: ("The sockets of a namespace or of rooms", "Sockets", [namespace, room, limit])
            case .history: ("A page of the history of a room", "History", history)
            }
        return [
            "operationId": .string(question.rawValue), "summary": .string(summary),
            "description": .string("Needs a token with the scope `\(question.scope.rawValue)`."),
            "parameters": .array(parameters),
            "responses": responses(answer, [.badRequest, .unauthorized, .forbidden, .notFound, .unavailable]),
        ]
    }

    private static let namespace = parameter("namespace", ["type": "string", "default": "/"], "A namespace.")
    private static let room = parameter(
        "room", ["type": "array", "items": ["type": "string"]], "Only sockets in this room; may be repeated.")
    private static let limit = parameter(
        "limit", ["type": "integer", "minimum": 1, "maximum": .int(Int64(APILimits().maxListed))],
        "How many are listed; `total` tells how many there are.")

    private static let history: [SocketValue] = [
        namespace,
        parameter("room", ["type": "string"], "The room.", isRequired: true),
        parameter(
            "before", ["type": "string"],
            "A position: only events before it, the nearest ones. Without `before` and `after` the newest events."),
        parameter("after", ["type": "string"], "A position: only events after it, the nearest ones."),
        parameter(
            "limit",
            [
                "type": "integer", "minimum": 1, "maximum": .int(Int64(APILimits().maxListed)),
                "default": .int(Int64(APILimits().defaultHistoryPage)),
            ], "The most events. An answer has about 1 MiB of events at most, but one event at least if there is one."),
    ]

    private static func parameter(
        _ name: String, _ schema: SocketValue, _ text: String, isRequired: Bool = false
    ) -> SocketValue {
        var parameter: SocketObject = [
            "name": .string(name), "in": "query", "schema": schema, "description": .string(text),
        ]
        if isRequired { parameter["required"] = true }
        return .object(parameter)
    }

    private static let idempotencyKey: SocketValue = [
        "name": "Idempotency-Key", "in": "header",
        "schema": ["type": "string", "minLength": 1, "maxLength": .int(Int64(IdempotencyStore.longestKey))],
        "description":
            "The same request with the same key within ten minutes is carried out once on a node; the answer is the same.",
    ]

    // MARK: Answers

    private enum Failure: String {
        case badRequest = "400"
        case unauthorized = "401"
        case forbidden = "403"
        case notFound = "404"
        case tooLarge = "413"
        case keyReused = "422"
        case unavailable = "503"

        var text: String {
            switch self {
            case .badRequest: "The body is no JSON, or a member is wrong"
            case .unauthorized: "No token, or none of api.tokens"
            case .forbidden: "The token does not have the scope"
            case .notFound: "There is no such namespace"
            case .tooLarge: "The body is longer than api.maxBodyBytes"
            case .keyReused: "The Idempotency-Key was used for another request"
            case .unavailable: "Another node, or Redis, did not answer in time"
            }
        }
    }

    private static func responses(_ answer: String, _ failures: [Failure]) -> SocketValue {
        var responses: SocketObject = ["200": ["description": "Done", "content": json(reference(answer))]]
        for failure in failures {
            responses[failure.rawValue] = ["description": .string(failure.text), "content": json(reference("Error"))]
        }
        return .object(responses)
    }

    static func json(_ schema: SocketValue) -> SocketValue { ["application/json": ["schema": schema]] }

    static func reference(_ name: String) -> SocketValue { ["$ref": .string("#/components/schemas/" + name)] }

    static func schemaName(_ kind: APIOperation.Kind) -> String {
        kind.rawValue.prefix(1).uppercased() + kind.rawValue.dropFirst()
    }
}
