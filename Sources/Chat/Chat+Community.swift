// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// A community as the page opens it.
struct ChatCommunity: Codable, Sendable {
    var room: ChatRoom
    var role: ChatMember.Role
    /// The channels the person is in.
    var places: [ChatPlace]
    /// The other channels.
    var others: [ChatRoom]
    /// How many people are here.
    var online: Int
}

/// Who is in a community now.
struct ChatCrowd: Codable, Sendable {
    var online: Int
    /// The first of them by name, 200 at most.
    var people: [ChatPerson]
}

/// The namespaces of communities: channels, and who is here.
extension Chat {
    /// Everybody with the link may enter, unless the owner has removed them.
    func admitToCommunity(_ socket: Socket) async throws {
        do {
            guard let space = CommunityName.id(of: socket.namespace.name) else {
                throw ConnectError("There is no such community.", data: ["code": "no-community"])
            }
            guard let id = try await known(socket, login(of: socket)), let person = try await store.person(id) else {
                throw ConnectError("Say who you are.", data: ["code": "unauthorized"])
            }
            let key = RoomKey.community(space).text
            guard try await store.room(key) != nil else {
                throw ConnectError("There is no such community.", data: ["code": "no-community"])
            }
            if let member = try await store.member(person.id, of: key) {
                guard member.role != .banned else {
                    throw ConnectError("You were sent away from this community.", data: ["code": "kicked"])
                }
            } else {
                // Without conversations, to which others may add a person.
                let communities = try await store.places(of: person.id, in: "").count {
                    if case .community = RoomKey($0.room.key) { true } else { false }
                }
                guard communities < limits.maxPlaces else {
                    throw ConnectError("You are in too many communities.", data: ["code": "too-many"])
                }
                try await store.join(ChatMember(person: person.id), room: key)
                let general = RoomKey.channel(community: space, id: ChatID.of("general")).text
                try await store.join(ChatMember(person: person.id), room: general)
            }
            place(socket, person)
            let places = try await store.places(of: person.id, in: space)
            socket.join(places.map { Self.channelRoom($0.room.key) })
        } catch let error as HistoryStoreError {
            throw Self.away(error)
        }
    }

    /// Where the sockets are that hear a channel.
    static func channelRoom(_ key: String) -> String { "channel:\(key)" }

    func welcomeToCommunity(_ socket: Socket) {
        guard let identity = socket.get(VisitorIdentity.self), let space = CommunityName.id(of: socket.namespace.name)
        else { return socket.disconnect() }
        let visitor = Visitor(socket: socket, person: identity.person, space: space)
        presence.arrived(visitor.person, in: space, limits: limits)
        listenForTalk(visitor)
        listenForFiles(visitor)
        listenForModeration(visitor)
        on(visitor, "enter") { () async throws -> ChatCommunity in try await enter(visitor) }
        on(visitor, "join") { (title: String) async throws -> ChatOpening in try await join(visitor, title) }
        on(visitor, "leave") { (key: String) async throws -> Bool in try await leave(visitor, key) }
        on(visitor, "quit") { () async throws -> Bool in try await quit(visitor) }
        on(visitor, "watch") { () async throws -> ChatCrowd in
            socket.join("watch")
            let crowd = presence.people(in: space, limit: 200)
            return ChatCrowd(online: crowd.count, people: crowd.first)
        }
        socket.on("unwatch") { () in socket.leave("watch") }
        socket.onDisconnect { reason in
            let atOnce = reason == .clientNamespaceDisconnect || reason == .serverNamespaceDisconnect
            presence.departed(visitor.person, in: space, limits: limits, atOnce: atOnce)
        }
    }

    private func enter(_ visitor: Visitor) async throws -> ChatCommunity {
        let key = RoomKey.community(visitor.space).text
        guard let room = try await store.room(key), let member = try await store.member(visitor.person.id, of: key)
        else { throw EventError.noSuchRoom }
        let places = try await store.places(of: visitor.person.id, in: visitor.space)
        let mine = NameSet(places.map(\.room.key))
        let others = try await store.channels(of: visitor.space).filter { !mine.contains($0.key) }
        return ChatCommunity(
            room: room, role: member.role, places: places, others: others,
            online: presence.people(in: visitor.space, limit: 0).count)
    }

    // MARK: Channels

    /// Joins a channel by title or key, and makes it when there is none.
    private func join(_ visitor: Visitor, _ wanted: String) async throws -> ChatOpening {
        let key: String
        var isNew = false
        if case .channel(let space, _) = RoomKey(wanted), space.hasSameBytes(as: visitor.space) {
            guard try await store.room(wanted) != nil else { throw EventError.noSuchRoom }
            key = wanted
        } else {
            guard let title = ChatTitle(wanted) else { throw Self.badTitle }
            key = RoomKey.channel(community: visitor.space, id: ChatID.of(title.skeleton)).text
            if try await store.room(key) == nil {
                guard try await store.channels(of: visitor.space).count < limits.maxChannels else {
                    throw EventError.refusal("too-many", "This community has too many channels.")
                }
                let room = ChatRoom(
                    key: key, title: title.text, space: visitor.space, owner: visitor.person.id, created: Self.now)
                let made = try await store.create(room)
                isNew = true
                visitor.socket.namespace.emit("channel", made)
            }
        }
        _ = isNew
        try await store.join(ChatMember(person: visitor.person.id), room: key)
        guard try await visitor.enter(Self.channelRoom(key)) else {
            throw EventError.refusal("too-many", "You are in too many rooms.")
        }
        visitor.socket.namespace.in(visitor.personRoom).socketsJoin(Self.channelRoom(key))
        let opening = try await open(visitor, key)
        visitor.socket.to(visitor.personRoom).emit("joined", opening.room)
        return opening
    }

    private func leave(_ visitor: Visitor, _ key: String) async throws -> Bool {
        _ = try await access(visitor, key)
        try await store.leave(visitor.person.id, room: key)
        visitor.socket.leave(Self.channelRoom(key))
        visitor.socket.namespace.in(visitor.personRoom).socketsLeave(Self.channelRoom(key))
        visitor.socket.to(visitor.personRoom).emit("left", key)
        return true
    }

    /// Leaves the community, with all devices.
    private func quit(_ visitor: Visitor) async throws -> Bool {
        for place in try await store.places(of: visitor.person.id, in: visitor.space) {
            try await store.leave(visitor.person.id, room: place.room.key)
        }
        try await store.leave(visitor.person.id, room: RoomKey.community(visitor.space).text)
        io.in(visitor.personRoom).emit("quit", visitor.space)
        return true
    }
}
