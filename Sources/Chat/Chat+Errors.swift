// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

extension EventError {
    /// A refusal with a code, for pages that speak another language.
    static func refusal(_ code: String, _ message: String, _ more: SocketObject = SocketObject()) -> EventError {
        var data = more
        data["code"] = .string(code)
        return EventError(message, data: .object(data))
    }

    static let noSuchRoom = refusal("no-room", "There is no such room, or you are not in it.")
    static let noSuchMessage = refusal("no-message", "There is no such message.")
    static let notYours = refusal("not-yours", "You may not do that.")
}

extension Chat {
    /// Registers a handler whose failures of the store become a refusal that says to try again.
    func on<each Argument: Decodable & Sendable, Answer: Encodable & Sendable>(
        _ visitor: Visitor, _ event: String,
        _ handler: @escaping @Sendable (repeat each Argument) async throws -> Answer
    ) {
        visitor.socket.on(event) { (arguments: repeat each Argument) async throws -> Answer in
            do {
                return try await handler(repeat each arguments)
            } catch HistoryStoreError.full {
                throw EventError.refusal("full", "There are too many rooms.")
            } catch HistoryStoreError.refused {
                throw EventError.notYours
            } catch HistoryStoreError.away {
                throw EventError.refusal("away", "The chat cannot reach its history; try again.")
            }
        }
    }
}
