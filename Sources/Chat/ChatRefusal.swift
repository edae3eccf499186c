// Part of socketio-server, MIT licence; see LICENSE.

internal import Metrics
internal import SocketIOServer

/// Why the chat did not do what a client wanted: the `code` in the data of the error, so that pages can show it in another language.
enum ChatRefusal: String, CaseIterable, Sendable {
    case away
    case badId = "bad-id"
    case badName = "bad-name"
    case badTitle = "bad-title"
    case busy
    case empty
    case filePiece = "file-piece"
    case fileSize = "file-size"
    case full
    case kicked
    case muted
    case nameTaken = "name-taken"
    case noCommunity = "no-community"
    case noEmoji = "no-emoji"
    case noFile = "no-file"
    case noMessage = "no-message"
    case noPerson = "no-person"
    case noRoom = "no-room"
    case notYours = "not-yours"
    case slowDown = "slow-down"
    case tooLong = "too-long"
    case tooMany = "too-many"
    case unauthorized

    private static let fullMessage = "The chat is full."
    private static let awayMessage = "The chat cannot reach its history; try again."

    /// What the client gets instead of an answer.
    static func error(for error: HistoryStoreError) -> EventError {
        switch error {
        case .full: .refusal(.full, fullMessage)
        case .tooManyChannels: .refusal(.tooMany, "This community has too many channels.")
        case .tooManyBegun: .refusal(.tooMany, "You have begun too many communities, channels and conversations.")
        case .refused: .notYours
        case .away: .refusal(.away, awayMessage)
        }
    }

    /// What a client gets instead of a connection.
    static func connectError(for error: HistoryStoreError) -> ConnectError {
        switch error {
        case .full: .refusal(.full, fullMessage)
        case .tooManyChannels, .tooManyBegun: .refusal(.tooMany, fullMessage)
        case .refused: .refusal(.notYours, "You may not do that.")
        case .away: .refusal(.away, awayMessage)
        }
    }
}

extension EventError {
    static func refusal(_ code: ChatRefusal, _ message: String, _ more: SocketObject = SocketObject()) -> EventError {
        var data = more
        data["code"] = .string(code.rawValue)
        return EventError(message, data: .object(data))
    }

    static let noSuchRoom = refusal(.noRoom, "There is no such room, or you are not in it.")
    static let noSuchMessage = refusal(.noMessage, "There is no such message.")
    static let notYours = refusal(.notYours, "You may not do that.")
}

extension ConnectError {
    static func refusal(_ code: ChatRefusal, _ message: String) -> ConnectError {
        ConnectError(message, data: ["code": .string(code.rawValue)])
    }
}

/// Counts refusals by code.
struct ChatRefusalCounters: Sendable {
    private let counters = Dictionary(
        uniqueKeysWithValues: ChatRefusal.allCases.map { code in
            (code, Counter(label: "socketio_chat_refused_total", dimensions: [("code", code.rawValue)]))
        })

    func counted(_ error: EventError) -> EventError {
        count(error.data)
        return error
    }

    func counted(_ error: ConnectError) -> ConnectError {
        count(error.data)
        return error
    }

    private func count(_ data: SocketValue?) {
        guard let code = data?.object?["code"]?.string.flatMap(ChatRefusal.init) else { return }
        counters[code]?.increment()
    }
}

extension Chat {
    /// Registers a handler. What it refuses is counted; failures of the store become refusals.
    func on<each Argument: Decodable & Sendable, Answer: Encodable & Sendable>(
        _ visitor: Visitor, _ event: String,
        _ handler: @escaping @Sendable (repeat each Argument) async throws -> Answer
    ) {
        visitor.socket.on(event) { (arguments: repeat each Argument) async throws -> Answer in
            do {
                return try await handler(repeat each arguments)
            } catch let error as EventError {
                throw refusals.counted(error)
            } catch let error as HistoryStoreError {
                throw refusals.counted(ChatRefusal.error(for: error))
            }
        }
    }

    /// A middleware whose refusals are counted; failures of the store become refusals.
    func counting(_ middleware: @escaping ConnectMiddleware) -> ConnectMiddleware {
        { socket in
            do {
                try await middleware(socket)
            } catch let error as ConnectError {
                throw refusals.counted(error)
            } catch let error as HistoryStoreError {
                throw refusals.counted(ChatRefusal.connectError(for: error))
            }
        }
    }
}
