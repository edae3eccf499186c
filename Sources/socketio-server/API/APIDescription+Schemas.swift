// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

extension APIDescription {
    /// What requests and answers are made of.
    static var schemas: SocketValue {
        [
            "Names": [
                "description": "One room or socket id, or a list of them.",
                "oneOf": [["type": "string"], ["type": "array", "items": ["type": "string"]]],
            ],
            "Emit": object(
                required: ["event"],
                target.merging([
                    "event": ["type": "string"],
                    "args": ["type": "array", "description": "The arguments of the event: any JSON."],
                    "durable": [
                        "type": "boolean",
                        "description": "Keeps the event in the history of the only room in `to`.",
                    ],
                    "volatile": [
                        "type": "boolean", "description": "Leaves out clients that are not ready for the event.",
                    ],
                    "ackTimeoutMs": [
                        "type": "integer", "minimum": 1,
                        "description":
                            "Asks every client for an acknowledgement and answers when all have come, or after so many milliseconds.",
                    ],
                ])),
            "Join": object(required: ["rooms"], named.merging(["rooms": reference("Names")])),
            "Leave": object(required: ["rooms"], named.merging(["rooms": reference("Names")])),
            "Disconnect": object(
                required: [],
                named.merging([
                    "close": [
                        "type": "boolean",
                        "description": "Closes the connections, with their sockets of other namespaces.",
                    ]
                ])),
            "Done": object(required: ["ok"], ["ok": ["const": true]]),
            "EmitAnswer": object(
                required: ["ok"],
                [
                    "ok": ["const": true],
                    "complete": ["type": "boolean", "description": "Whether everybody has acknowledged."],
                    "answers": list(
                        object(
                            required: ["socket", "args"],
                            ["socket": ["type": ["string", "null"]], "args": ["type": "array"]])),
                    "position": [
                        "type": "string", "description": "The place in the history of the room; only with `durable`.",
                    ],
                    "missing": list(["type": "string"]),
                    "missingUnnamed": ["type": "integer"],
                    "silentServers": ["type": "integer"],
                ]),
            "BatchAnswer": object(required: ["results"], ["results": list(["type": "object"])]),
            "Namespaces": listed("namespaces", ["name": ["type": "string"], "socketsOfThisNode": ["type": "integer"]]),
            "Rooms": listed("rooms", ["name": ["type": "string"], "sockets": ["type": "integer"]]),
            "Count": object(required: ["count"], ["count": ["type": "integer"]]),
            "Sockets": listed(
                "sockets",
                [
                    "id": ["type": "string"], "rooms": list(["type": "string"]), "data": [:],
                    "address": ["type": "string"], "connected": ["type": "string"],
                ]),
            "History": object(
                required: ["events", "hasMore", "complete", "newest"],
                [
                    "events": list(
                        object(
                            required: ["position", "time", "event", "args"],
                            [
                                "position": ["type": "string"],
                                "time": ["type": "integer", "description": "Milliseconds since 1970."],
                                "event": ["type": "string"],
                                "args": ["type": "array", "description": "The arguments, without the position."],
                            ])),
                    "hasMore": [
                        "type": "boolean",
                        "description": "Whether there are further events in the direction asked for.",
                    ],
                    "complete": [
                        "type": "boolean",
                        "description": "Whether no event is missing between the position given and these events.",
                    ],
                    "newest": [
                        "type": ["string", "null"],
                        "description": "The newest position of the room; null when it has no history.",
                    ],
                ]),
            "Error": object(
                required: ["error"],
                [
                    "error": object(
                        required: ["code", "message"],
                        [
                            "code": ["enum": .array(APIError.Code.allCases.map { .string($0.rawValue) })],
                            "message": ["type": "string"],
                            "field": ["type": "string", "description": "The member or parameter that is wrong."],
                        ])
                ]),
        ]
    }

    /// Which sockets are meant.
    private static let target: SocketObject = [
        "namespace": ["type": "string", "default": "/"],
        "to": reference("Names"),
        "except": reference("Names"),
    ]

    private static let named = target.merging([
        "everyone": ["type": "boolean", "description": "All sockets of the namespace; instead of `to`."]
    ])

    private static func object(required: [SocketValue], _ members: SocketObject) -> SocketValue {
        [
            "type": "object", "required": .array(required), "properties": .object(members),
            "additionalProperties": false,
        ]
    }

    private static func list(_ element: SocketValue) -> SocketValue { ["type": "array", "items": element] }

    private static func listed(_ name: String, _ members: SocketObject) -> SocketValue {
        object(
            required: [.string(name), "total"],
            [name: list(object(required: members.keys.map(SocketValue.string), members)), "total": ["type": "integer"]])
    }
}

extension SocketObject {
    fileprivate func merging(_ others: SocketObject) -> SocketObject { SocketObject(Array(self) + Array(others)) }
}
