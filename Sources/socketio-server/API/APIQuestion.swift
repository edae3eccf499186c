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

    /// Answers it, for all nodes where nothing else is said.
    ///
    /// - Parameter query: `namespace`, `room` (repeated), `limit`.
    /// - Throws: `APIError`.
    func answer(_ query: QueryParameters, limits: APILimits, server: Server) async throws(APIError) -> SocketValue {
        let parameters = try Parameters(query, limits: limits)
        guard self != .namespaces else { return Self.namespaces(of: server, parameters) }
        let result: SocketValue?
        do {
            result = try await server.withNamespace(parameters.namespace) { try await answer(parameters, in: $0) }
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
        }
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

    /// The parameters of a question.
    private struct Parameters {
        var namespace = "/"
        var rooms: [String] = []
        var limit: Int

        init(_ query: QueryParameters, limits: APILimits) throws(APIError) {
            limit = limits.maxListed
            for (name, value) in query.all {
                guard !value.isEmpty, value.utf8.count <= limits.maxNameLength else {
                    throw .field(
                        String(decoding: name.utf8.prefix(40), as: UTF8.self).escapingControlCharacters(),
                        "must have 1 to \(limits.maxNameLength) bytes")
                }
                if name.hasSameBytes(as: "namespace") {
                    namespace = value.utf8.first == UInt8(ascii: "/") ? value : "/" + value
                } else if name.hasSameBytes(as: "room") {
                    rooms.append(value)
                } else if name.hasSameBytes(as: "limit") {
                    guard let number = Int(value), (1...limits.maxListed).contains(number) else {
                        throw .field("limit", "must be a whole number from 1 to \(limits.maxListed)")
                    }
                    limit = number
                } else {
                    let short = String(decoding: name.utf8.prefix(40), as: UTF8.self).escapingControlCharacters()
                    throw .field(short, "is not known here; there are namespace, room, limit")
                }
            }
        }
    }
}
