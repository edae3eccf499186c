// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// Rooms with a history, and messages that are handled once.
extension AllOperationsApp {
    /// Where a client wants a history to be read.
    private struct Page: Decodable, Sendable {
        var before: RoomPosition?
        var after: RoomPosition?
        var limit: Int?
    }

    static func installDurable(on socket: Socket, _ handled: HandledOnce) {
        let namespace = socket.namespace
        socket.on("keep") { (room: String, event: String, arguments: [SocketValue]) async -> Outcome in
            await Outcome.of {
                .string(try await namespace.to(room).durable.emit(event, arguments: arguments).description)
            }
        }
        socket.on("replay") { (room: String, since: SocketValue) async -> Outcome in
            await Outcome.of { value(try await socket.replay(room, since: start(since))) }
        }
        socket.on("history") { (room: String, page: Page) async -> Outcome in
            await Outcome.of {
                let limit = page.limit ?? 50
                if let after = page.after {
                    return value(try await namespace.history(of: room, after: after, limit: limit))
                }
                return value(try await namespace.history(of: room, before: page.before, limit: limit))
            }
        }
        socket.on("once") { (id: String, sender: String, milliseconds: Int) async throws -> [SocketValue] in
            try await handled.handle(id, of: sender, for: .milliseconds(milliseconds))
        }
    }

    /// As an application does at the beginning of a connection: the client says which room, and its last position.
    static func replayAsAsked(_ socket: Socket) async throws {
        let (auth, query) = (socket.handshake.auth, socket.handshake.query)
        guard let room = auth["replay"]?.string ?? query["replay"] else { return }
        let since = auth["since"] ?? query["since"].map(SocketValue.string) ?? .null
        let replay = try await socket.replay(room, since: start(since))
        socket.emit("replayed", value(replay))
    }

    /// A position as text, a number of events, or anything else for all of them.
    private static func start(_ value: SocketValue) -> ReplayStart {
        if let position = value.string.flatMap({ RoomPosition($0) }) { return .position(position) }
        if let count = value.int { return .last(Int(clamping: count)) }
        return .beginning
    }

    private static func value(_ replay: RoomReplay) -> SocketValue {
        [
            "events": .int(Int64(replay.events)), "complete": .bool(replay.isComplete),
            "position": replay.position.map { .string($0.description) } ?? .null,
        ]
    }

    private static func value(_ page: RoomHistoryPage) -> SocketValue {
        [
            "events": .array(
                page.events.map { [.string($0.position.description), .string($0.event), .array($0.arguments.values)] }),
            "more": .bool(page.hasMore), "complete": .bool(page.isComplete),
        ]
    }
}
