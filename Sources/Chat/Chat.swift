// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
public import SocketIOServer

/// The chat: people with names, public rooms with a short history, conversations between two.
///
/// It keeps nothing about who is where: rooms, people and counts come from the server's rooms, which several servers can
/// share.
///
/// | event from the page | answer | others hear |
/// | --- | --- | --- |
/// | `join` (room) | ``ChatPlace`` | `joined`, `room` |
/// | `leave` (key) | – | `left`, `room` |
/// | `message` (key, text) | ``ChatReceipt`` | `message` |
/// | `direct` (name) | ``ChatPlace`` | `direct` to the other person |
/// | `rooms` | list of ``ChatRoomSummary`` | |
/// | `bye` | the server disconnects the client | `left`, `room` |
///
/// A person whose name is known from elsewhere hears it as `you`, right after the connection.
///
/// After ``refresh()`` pages hear `rooms` with that list, and `people` with those of each room.
public struct Chat: Sendable {
    let io: Server
    let history: ChatHistory
    let looks = Looks()
    private let knownName: @Sendable (Socket) -> String?

    /// A chat on the namespace `/` of `io`.
    ///
    /// - Parameters:
    ///   - limits: how large messages may be, and how much of them the chat keeps.
    ///   - knownName: the name of a person who has logged in; nil for one who may choose.
    public init(
        io: Server, limits: ChatLimits = ChatLimits(),
        knownName: @escaping @Sendable (Socket) -> String? = { _ in nil }
    ) {
        self.io = io
        self.history = ChatHistory(limits)
        self.knownName = knownName
    }

    /// Registers the chat's middleware and handlers. Call once, before clients connect.
    public func mount() {
        listenToServers()
        io.use { socket in try await admit(socket) }
        io.onConnection { socket in welcome(socket) }
    }

    /// How large messages may be and how much of them is kept. May be changed at any time and takes effect immediately.
    public var limits: ChatLimits {
        get { history.limits }
        nonmutating set { history.limits = newValue }
    }

    // MARK: Entering

    /// Takes the name from the handshake; refuses one that somebody else is using. The same browser tab may return while
    /// its old connection has not been given up yet.
    private func admit(_ socket: Socket) async throws {
        guard let name = ChatName(knownName(socket) ?? socket.handshake.auth["name"]?.string) else {
            throw ConnectError("Choose a name of 1 to 32 characters.", data: ["code": "bad-name"])
        }
        let given = socket.handshake.auth["tab"]?.string
        let tab = given.flatMap { $0.utf8.count <= 128 ? $0 : nil } ?? socket.id
        for other in try await sockets(in: name.personRoom) where other.data["tab"] != .string(tab) {
            throw ConnectError("The name \(name.text) is taken.", data: ["code": "name-taken"])
        }
        socket.withData { data in
            // What else is there stays, such as the claims of a token.
            var members = data.object ?? SocketObject()
            members["name"] = .string(name.text)
            members["tab"] = .string(tab)
            data = .object(members)
        }
        socket.join(name.personRoom)
    }

    private func welcome(_ socket: Socket) {
        let name = socket.data["name"]?.string ?? ""
        let person = Person(socket: socket, name: name)
        if knownName(socket) != nil { socket.emit("you", name) }

        socket.on("join") { (room: String) async throws -> ChatPlace in try await join(person, room: room) }
        socket.on("leave") { (key: String) async throws -> Bool in
            try await leave(person, key: key)
            return true
        }
        socket.on("message") { (key: String, text: String) async throws -> ChatReceipt in
            try await say(person, key: key, text: text)
        }
        socket.on("direct") { (partner: String) async throws -> ChatPlace in try await open(person, with: partner) }
        socket.on("rooms") { () async throws -> RawJSON in try await summaries() }
        socket.on("bye") { () in socket.disconnect(close: true) }
        socket.onDisconnecting { _, _ in
            for key in socket.rooms where ChatRoom(key: key)?.isPublic == true {
                announceDeparture(person, key: key)
            }
        }
    }

    // MARK: Rooms

    private func join(_ person: Person, room title: String) async throws -> ChatPlace {
        guard let room = ChatRoom(title: title) else { throw EventError("A room's name has 1 to 64 characters.") }
        let isNew = !person.socket.rooms.contains(room.key)
        // Before asking who is there: of two who come at once, on two servers, one at least sees the other.
        person.socket.join(room.key)
        guard person.socket.rooms.contains(room.key) else { throw EventError("You are in too many rooms.") }
        let others = try await people(in: room.key, except: person.socket.id)
        let everybody = others.union([person.name])
        if isNew {
            if !others.contains(person.name) {
                person.socket.to(room.key).emit("joined", ChatNotice(room: room.key, name: person.name))
            }
            io.emit("room", ChatRoomSummary(name: room.title, people: everybody.count))
        }
        return ChatPlace(
            key: room.key, room: room.title, people: everybody.sorted(), history: await messages(in: room.key))
    }

    private func leave(_ person: Person, key: String) async throws {
        guard let room = ChatRoom(key: key), person.socket.rooms.contains(key) else { return }
        person.socket.leave(key)
        if room.isPublic { announceDeparture(person, key: key) }
    }

    /// Tells the room that a person has gone, and everybody how many are left; not when they are still there with
    /// another connection.
    private func announceDeparture(_ person: Person, key: String) {
        guard let room = ChatRoom(key: key) else { return }
        Task {
            let names = try await people(in: key, except: person.socket.id)
            if !names.contains(person.name) {
                io.in(key).emit("left", ChatNotice(room: key, name: person.name))
            }
            io.emit("room", ChatRoomSummary(name: room.title, people: names.count))
        }
    }

    // MARK: Talking

    private func say(_ person: Person, key: String, text: String) async throws -> ChatReceipt {
        let limit = limits.maxTextBytes
        // Checked first, because everything else that is done to a text takes time in proportion to its length.
        guard text.utf8.count <= limit else { throw EventError("A message has at most \(limit) bytes.") }
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !text.isEmpty else { throw EventError("A message must not be empty.") }
        guard ChatRoom(key: key) != nil, person.socket.rooms.contains(key) else {
            throw EventError("You are not in this room.")
        }
        let message = ChatMessage(
            id: UUID().uuidString, room: key, from: person.name, text: text,
            time: Int64(Date().timeIntervalSince1970 * 1000))
        remember(message)
        person.socket.to(key).emit("message", message)
        return ChatReceipt(id: message.id, time: message.time)
    }

    private func open(_ person: Person, with partner: String) async throws -> ChatPlace {
        guard let other = ChatName(partner), let me = ChatName(person.name), other != me else {
            throw EventError("There is nobody of that name.")
        }
        let found = try await sockets(in: other.personRoom)
        guard let name = found.first?.data["name"]?.string else { throw EventError("\(other.text) is not here.") }
        let key = ChatRoom.conversation(me, other)
        // Other people open conversations, and a socket that is in too many rooms can join no more.
        guard found.allSatisfy({ ChatRoom.mayConverse($0.rooms, in: key) }) else {
            throw EventError("\(other.text) has too many conversations.")
        }
        let messages = await messages(in: key)
        io.in([me.personRoom, other.personRoom]).socketsJoin(key)
        io.in(other.personRoom).emit("direct", ChatConversation(room: key, with: person.name, history: messages))
        return ChatPlace(key: key, room: name, people: [person.name, name], history: messages)
    }
}

/// A connected person.
private struct Person: Sendable {
    let socket: Socket
    let name: String
}
