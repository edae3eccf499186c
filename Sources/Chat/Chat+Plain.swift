// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import SocketIOServer

/// A room as plain clients enter it.
struct PlainPlace: Codable, Sendable {
    var key: String
    var room: String
    /// The names of those who are there, sorted.
    var people: [String]
}

/// A message as plain clients get it.
struct PlainMessage: Codable, Sendable {
    var id: String
    var room: String
    var from: String
    var text: String
    /// In milliseconds since 1970.
    var time: Int64
}

/// Somebody who has entered or left a room, for the others in it.
struct PlainNotice: Codable, Sendable {
    var room: String
    var name: String
}

/// A room and how many people are in it.
struct PlainRoom: Codable, Sendable {
    var name: String
    var people: Int
}

/// The argument of the event `message`: plain clients send a text, the page sends a draft.
enum SentMessage: Decodable, Sendable {
    case text(String)
    case draft(ChatDraft)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self = .text(text)
        } else {
            self = .draft(try container.decode(ChatDraft.self))
        }
    }
}

/// The acknowledgement of the event `message`: the stored message, or in plain rooms the message that was sent on.
enum MessageReceipt: Encodable, Sendable {
    case message(ChatMessage)
    case plain(PlainMessage)

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .message(let message): try message.encode(to: encoder)
        case .plain(let message): try message.encode(to: encoder)
        }
    }
}

/// Rooms on `/` for plain clients: programs, bots, the page of fifteen lines. Nothing of them is kept, and everybody may
/// enter each. They are a namespace of names of their own (`room:…`), so that nobody gets into anything else through them.
extension Chat {
    private static let prefix = "room:"
    /// Rooms that one plain client may be in.
    private static let maximumPlainRooms = 64

    func listenForPlainTalk(_ visitor: Visitor) {
        let socket = visitor.socket
        on(visitor, "join") { (title: String) async throws -> PlainPlace in
            try limitReading(visitor, cost: 4)
            guard let title = ChatText.line(title, characters: 64, bytes: 200) else { throw Self.badTitle }
            let key = Self.prefix + title
            let rooms = socket.rooms
            let wasThere = rooms.contains(key)
            let isWithinLimit = wasThere || rooms.count { Self.isPlain($0) } < Self.maximumPlainRooms
            guard isWithinLimit, try await visitor.enter(key) else {
                throw EventError.refusal(.tooMany, "You are in too many rooms.")
            }
            if !wasThere { socket.to(key).emit("joined", PlainNotice(room: key, name: visitor.person.name)) }
            return PlainPlace(key: key, room: title, people: try await names(in: key).sorted())
        }
        on(visitor, "leave") { (key: String) async throws -> Bool in
            try limitReading(visitor, cost: 5)
            if case .group? = RoomKey(key) { return try await leaveGroup(visitor, key) }
            guard Self.isPlain(key), socket.rooms.contains(key) else { return true }
            socket.leave(key)
            socket.to(key).emit("left", PlainNotice(room: key, name: visitor.person.name))
            return true
        }
        socket.onDisconnecting { _ in
            for key in socket.rooms where Self.isPlain(key) {
                socket.to(key).emit("left", PlainNotice(room: key, name: visitor.person.name))
            }
        }
        on(visitor, "rooms") { () async throws -> [PlainRoom] in
            try limitReading(visitor)
            return try await plainRooms.rooms { [io] in
                try await io.countByRoom().compactMap { key, count in
                    guard Self.isPlain(key) else { return nil }
                    return PlainRoom(name: String(Substring(key.utf8.dropFirst(Self.prefix.utf8.count))), people: count)
                }
            }
        }
    }

    static func isPlain(_ key: String) -> Bool { key.utf8.count <= 256 && key.beginsWithBytes(of: prefix) }

    /// The names of the people in a room, on all servers; of this one alone while the others cannot be asked.
    private func names(in key: String) async throws -> NameSet {
        let sockets: [RemoteSocket]
        do {
            sockets = try await io.in(key).fetchSockets()
        } catch  where !(io.adapter is MemoryAdapter) {
            sockets = try await io.in(key).local.fetchSockets()
        }
        return NameSet(sockets.compactMap { $0.data["name"]?.string })
    }

    /// Sends a text to the others in a plain room. Nothing is stored.
    func sendPlainMessage(_ visitor: Visitor, _ key: String, _ text: String) throws -> PlainMessage {
        let text = try bounded(text)
        guard Self.isPlain(key), visitor.socket.rooms.contains(key) else { throw EventError.noSuchRoom }
        try limitWriting(visitor)
        let message = PlainMessage(
            id: ChatID.random(), room: key, from: visitor.person.name, text: text, time: Self.now)
        visitor.socket.to(key).emit("message", message)
        return message
    }
}
