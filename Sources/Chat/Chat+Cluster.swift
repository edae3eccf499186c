// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// What the chat does so that several servers are one place.
///
/// Who is where is asked of all servers when it is needed. Messages are passed on, so that every server has the history of
/// the rooms spoken in while it ran; for older ones it asks once per room. When servers could not hear each other, or one
/// has died without a word, nobody told that its people have gone: ``refresh()`` then shows everybody the lists as they
/// are.
extension Chat {
    /// Events between servers.
    private enum ServerEvent {
        static let message = "chat:message"
        static let history = "chat:history"
    }

    /// Listens to the other servers.
    func listenToServers() {
        io.sockets.on(ServerEvent.message) { (message: ChatMessage) in history.add(message) }
        io.sockets.on(ServerEvent.history) { (key: String) -> [ChatMessage] in history.messages(in: key) }
    }

    private var isAlone: Bool { io.adapter is MemoryAdapter }

    // MARK: Who is where

    /// The sockets of a room, or all, on all servers. While the others cannot be asked, those of this one: its people can go
    /// on talking.
    func sockets(in key: String? = nil) async throws -> [RemoteSocket] {
        let target = key.map { io.in($0) } ?? io.everyone
        do {
            return try await target.fetchSockets()
        } catch  where !isAlone {
            return try await target.local.fetchSockets()
        }
    }

    /// The names of the people in a room, each once.
    func people(in key: String, except id: String? = nil) async throws -> NameSet {
        let names = try await Questions.shared(looks.people, Array(key.utf8)) {
            try await sockets(in: key).compactMap { socket in
                socket.data["name"]?.string.map { (id: socket.id, name: $0) }
            }
        }
        return NameSet(names.filter { !$0.id.hasSameBytes(as: id ?? "") }.map(\.name))
    }

    /// The people of all public rooms that are not empty, by the rooms' keys.
    func peopleByRoom() async throws -> NameDictionary<NameSet> {
        var people: NameDictionary<NameSet> = [:]
        for (index, socket) in try await sockets().enumerated() {
            // Others want to get on meanwhile.
            if index % 256 == 255 { await Task.yield() }
            guard let name = socket.data["name"]?.string else { continue }
            for key in socket.rooms where ChatRoom(key: key)?.isPublic == true { people[key, default: []].insert(name) }
        }
        return people
    }

    /// The list of the public rooms, as everybody gets it who asks.
    func summaries() async throws -> RawJSON {
        try await Questions.shared(looks.rooms, true) { try RawJSON(encoding: summaries(try await peopleByRoom())) }
    }

    /// Looks at who is where that are under way. Each costs as much as there are people, so those who want the same share one.
    struct Looks: Sendable {
        let rooms = SharedWork<Bool, RawJSON>()
        /// By the rooms' keys, in bytes: the sockets in them, with the names of their people.
        let people = SharedWork<[UInt8], [(id: String, name: String)]>()
    }

    /// Public rooms with the number of people in them, by name.
    func summaries(_ people: NameDictionary<NameSet>) -> [ChatRoomSummary] {
        people.compactMap { key, names in
            ChatRoom(key: key).map { ChatRoomSummary(name: $0.title, people: names.count) }
        }.sorted { $0.name.precedesByBytes($1.name) }
    }

    /// Shows the people connected to this server who is where, when that may have changed without anybody telling: after
    /// another server has gone, or when the servers hear each other again.
    public func refresh() async {
        history.forgetAsked()
        guard let people = try? await peopleByRoom() else { return }
        io.everyone.local.emit("rooms", summaries(people))
        for (key, names) in people {
            io.in(key).local.emit("people", ChatPresence(room: key, people: names.sorted()))
        }
    }

    // MARK: What was said

    /// Keeps a message here and on the other servers.
    func remember(_ message: ChatMessage) {
        history.add(message)
        guard !isAlone else { return }
        // The sender need not wait for it, and it matters little when it gets lost.
        Task { try? await io.serverSideEmit(ServerEvent.message, message) }
    }

    /// The last messages of a room; those from before this server's time are asked of the others, once. Only of those that
    /// can know: a Node.js server in the same cluster has no history, and would let everybody wait.
    func messages(in key: String) async -> [ChatMessage] {
        if !isAlone, history.shouldAsk(about: key) {
            let answers = try? await io.serverSideEmitWithAck(
                ServerEvent.history, key, as: [ChatMessage].self, timeout: .seconds(1), of: .ofThisKind)
            for message in answers?.joined() ?? [].joined() where message.room.hasSameBytes(as: key) {
                history.add(message)
            }
        }
        return history.messages(in: key)
    }
}
