// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import FailureText
internal import SocketIOServer

/// One thing that a request to the HTTP API asks for.
enum APIQuestion: String, CaseIterable, Sendable {
    /// The namespaces of this node, with the number of sockets of each.
    case namespaces
    /// The rooms of a namespace with the number of sockets in each, the largest first.
    case rooms
    /// How many sockets there are in a namespace or in some of its rooms.
    case count
    /// The sockets of a namespace or of some of its rooms.
    case sockets
    /// A page of the history of a room.
    case history

    /// What a token must allow.
    var scope: APIScope { self == .history ? .history : .read }

    /// Answers it, for all nodes where nothing else is said.
    ///
    /// - Parameter query: `namespace`, `room` (repeated), `limit`; for a history `before` and `after`.
    /// - Throws: `APIError`.
    func answer(_ query: QueryParameters, limits: APILimits, server: Server) async throws(APIError) -> SocketValue {
        let parameters = try Parameters(query, of: self, limits: limits)
        guard self != .namespaces else { return Self.namespaces(of: server, parameters) }
        let result: SocketValue?
        do {
            result = try await server.withNamespace(parameters.namespace) { try await answer(parameters, in: $0) }
        } catch let error as SocketError where error.code == .notSupported && self == .history {
            throw .field("room", error.message)
        } catch {
            throw APIError(code: .unavailable, message: failureText(error))
        }
        guard let result else { throw .unknownNamespace(parameters.namespace) }
        return result
    }

    private static func namespaces(of server: Server, _ parameters: Parameters) -> SocketValue {
        let all = server.namespaces.sorted { $0.name.precedesByBytes($1.name) }
        return [
            "namespaces": .array(
                all.prefix(parameters.limit).map {
                    ["name": .string($0.name), "socketsOfThisNode": .int(Int64($0.socketCount))]
                }),
            "total": .int(Int64(all.count)),
        ]
    }

    private func answer(_ parameters: Parameters, in namespace: Namespace) async throws -> SocketValue {
        let target = namespace.to(parameters.rooms)
        switch self {
        case .namespaces: return .null
        case .count: return ["count": .int(Int64(try await target.count()))]
        case .rooms:
            let rooms = try await namespace.countByRoom().map { $0 }
            let largest = rooms.sorted { $0.value == $1.value ? $0.key.precedesByBytes($1.key) : $0.value > $1.value }
            return [
                "rooms": .array(
                    largest.prefix(parameters.limit).map {
                        ["name": .string($0.key), "sockets": .int(Int64($0.value))]
                    }
                ),
                "total": .int(Int64(rooms.count)),
            ]
        case .sockets:
            let sockets = try await target.fetchSockets().sorted { $0.id.precedesByBytes($1.id) }
            return [
                "sockets": .array(sockets.prefix(parameters.limit).map { Self.value($0) }),
                "total": .int(Int64(sockets.count)),
            ]
        case .history:
            guard let room = parameters.rooms.first else { return .null }
            let page =
                if let after = parameters.after {
                    try await namespace.history(of: room, after: after, limit: parameters.limit)
                } else {
                    try await namespace.history(of: room, before: parameters.before, limit: parameters.limit)
                }
            return Self.value(page)
        }
    }

    private static func value(_ page: RoomHistoryPage) -> SocketValue {
        [
            "events": .array(
                page.events.map {
                    [
                        "position": .string($0.position.description), "time": .int($0.time), "event": .string($0.event),
                        "args": .array($0.arguments.values),
                    ]
                }),
            "hasMore": .bool(page.hasMore),
            "complete": .bool(page.isComplete),
            "newest": page.newest.map { .string($0.description) } ?? .null,
        ]
    }

    /// Without what only the client and the server should know: `auth`, cookies and other headers.
    private static func value(_ socket: RemoteSocket) -> SocketValue {
        [
            "id": .string(socket.id),
            "rooms": .array(socket.rooms.sorted().map(SocketValue.string)),
            "data": socket.data,
            "address": .string(socket.handshake.address),
            "connected": .string(socket.handshake.time),
        ]
    }

    private var parameters: [String] {
        self == .history ? ["namespace", "room", "limit", "before", "after"] : ["namespace", "room", "limit"]
    }

    /// The parameters of a question.
    private struct Parameters {
        var namespace = "/"
        var rooms: [String] = []
        var limit: Int
        var before: RoomPosition?
        var after: RoomPosition?

        init(_ query: QueryParameters, of question: APIQuestion, limits: APILimits) throws(APIError) {
            limit = question == .history ? min(limits.defaultHistoryPage, limits.maxListed) : limits.maxListed
            for (name, value) in query.all {
                let short = String(decoding: name.utf8.prefix(40), as: UTF8.self).escapingControlCharacters()
                guard let known = question.parameters.first(where: { $0.hasSameBytes(as: name) }) else {
                    throw .field(short, "is not known here; there are \(question.parameters.joined(separator: ", "))")
                }
                guard !value.isEmpty, value.utf8.count <= limits.maxNameLength else {
                    throw .field(short, "must have 1 to \(limits.maxNameLength) bytes")
                }
                switch known {
                case "namespace": namespace = value.utf8.first == UInt8(ascii: "/") ? value : "/" + value
                case "room": rooms.append(value)
                case "before": before = try Self.position(value, short)
                case "after": after = try Self.position(value, short)
                default: limit = try Self.limit(value, limits)
                }
            }
            guard question == .history else { return }
            guard rooms.count == 1 else { throw .field("room", "is needed once: the room whose history is asked for") }
            guard before == nil || after == nil else { throw .field("after", "excludes 'before'") }
        }

        private static func limit(_ value: String, _ limits: APILimits) throws(APIError) -> Int {
            guard let number = Int(value), (1...limits.maxListed).contains(number) else {
                throw .field("limit", "must be a whole number from 1 to \(limits.maxListed)")
            }
            return number
        }

        private static func position(_ value: String, _ name: String) throws(APIError) -> RoomPosition {
            guard let position = RoomPosition(value) else {
                throw .field(name, "must be a position in a history, as events of durable rooms have it")
            }
            return position
        }
    }
}
