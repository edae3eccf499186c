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
        guard let space = CommunityName.id(of: socket.namespace.name) else {
            throw ConnectError.refusal(.noCommunity, "There is no such community.")
        }
        guard let id = try await personID(of: socket, login: login(of: socket)),
            let person = try await store.person(id)
        else {
            throw ConnectError.refusal(.unauthorized, "Say who you are.")
        }
        let key = RoomKey.community(space).text
        guard try await store.room(key) != nil else {
            throw ConnectError.refusal(.noCommunity, "There is no such community.")
        }
        if let member = try await store.member(person.id, of: key) {
            guard member.role != .banned else { throw Self.kicked }
        } else {
            // Conversations do not count: others can add a person to them.
            guard try await store.placeCounts(of: person.id).communities < limits.maxPlaces else {
                throw ConnectError.refusal(.tooMany, "You are in too many communities.")
            }
            try await store.join(ChatMember(person: person.id), room: key)
            let general = RoomKey.channel(community: space, id: ChatID.of("general")).text
            try await store.join(ChatMember(person: person.id), room: general)
        }
        let places = try await store.places(of: person.id, in: space)
        try await setPerson(person, on: socket, rooms: places.map { Self.channelRoom($0.room.key) })
        // A kick before this socket joined the person's room has not disconnected it.
        guard try await store.member(person.id, of: key)?.role != .banned else { throw Self.kicked }
    }

    private static let kicked = ConnectError.refusal(.kicked, "The owner has removed you from this community.")

    /// The Socket.IO room of a channel.
    static func channelRoom(_ key: String) -> String { "channel:\(key)" }

    func welcomeToCommunity(_ socket: Socket) {
        guard let identity = socket.get(VisitorIdentity.self), let space = CommunityName.id(of: socket.namespace.name)
        else { return socket.disconnect() }
        let visitor = visitor(socket, identity.person, in: space)
        presence.arrived(visitor.person, in: space, limits: limits)
        if socket.recovered { leaveFormerChannels(socket, identity) }
        listenForTalk(visitor)
        listenForFiles(visitor)
        listenForModeration(visitor)
        on(visitor, "enter") { () async throws -> ChatCommunity in
            try limitReading(visitor, cost: 2)
            return try await enter(visitor)
        }
        on(visitor, "join") { (title: String) async throws -> ChatOpening in
            try limitReading(visitor)
            return try await join(visitor, title)
        }
        on(visitor, "leave") { (key: String) async throws -> Bool in
            try limitReading(visitor, cost: 5)
            return try await leave(visitor, key)
        }
        on(visitor, "quit") { () async throws -> Bool in
            try limitReading(visitor, cost: 10)
            return try await quit(visitor)
        }
        on(visitor, "watch") { () async throws -> ChatCrowd in
            try limitReading(visitor, cost: 10)
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

    /// A session that is continued is in the rooms that it had, although the person may have left channels meanwhile.
    private func leaveFormerChannels(_ socket: Socket, _ identity: VisitorIdentity) {
        let current = NameSet(identity.rooms)
        socket.leave(socket.rooms.filter { $0.utf8.starts(with: Self.channelRoom("").utf8) && !current.contains($0) })
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
            online: presence.count(in: visitor.space))
    }

    // MARK: Channels

    /// Joins a channel by title or key, and makes it when there is none.
    private func join(_ visitor: Visitor, _ wanted: String) async throws -> ChatOpening {
        try checkHasNotQuit(visitor)
        let key: String
        if case .channel(let space, _) = RoomKey(wanted), space.hasSameBytes(as: visitor.space) {
            guard try await store.room(wanted) != nil else { throw EventError.noSuchRoom }
            key = wanted
        } else {
            guard let title = ChatTitle(wanted) else { throw Self.badTitle }
            key = RoomKey.channel(community: visitor.space, id: ChatID.of(title.skeleton)).text
            if try await store.room(key) == nil {
                // Everybody in the community reads the title.
                try await checkMayMakeChannel(visitor)
                try limitRooms(visitor)
                let room = ChatRoom(
                    key: key, title: title.text, space: visitor.space, owner: visitor.person.id, created: Self.now)
                let made = try await store.create(room)
                visitor.socket.namespace.emit("channel", made)
            }
        }
        try await store.join(ChatMember(person: visitor.person.id), room: key)
        guard try await visitor.enter(Self.channelRoom(key)) else {
            throw EventError.refusal(.tooMany, "You are in too many rooms.")
        }
        visitor.socket.namespace.in(visitor.personRoom).socketsJoin(Self.channelRoom(key))
        let opening = try await open(visitor, key)
        visitor.socket.to(visitor.personRoom).emit("joined", opening.room)
        return opening
    }

    private func checkMayMakeChannel(_ visitor: Visitor) async throws {
        let member = try await store.member(visitor.person.id, of: RoomKey.community(visitor.space).text)
        guard let member, member.role != .banned else { throw EventError.noSuchRoom }
        try checkMute(member)
    }

    private func leave(_ visitor: Visitor, _ key: String) async throws -> Bool {
        _ = try await access(visitor, key)
        try await store.leave(visitor.person.id, room: key)
        visitor.socket.leave(Self.channelRoom(key))
        visitor.socket.namespace.in(visitor.personRoom).socketsLeave(Self.channelRoom(key))
        visitor.socket.to(visitor.personRoom).emit("left", key)
        return true
    }

    /// Leaves the community, with all devices. Refused while a mute lasts, because the mute is stored with the membership.
    private func quit(_ visitor: Visitor) async throws -> Bool {
        let key = RoomKey.community(visitor.space).text
        if let member = try await store.member(visitor.person.id, of: key) {
            guard member.role != .banned else { throw EventError.noSuchRoom }
            try checkMute(member)
        }
        let places = try await store.places(of: visitor.person.id, in: visitor.space)
        for place in places { try await store.leave(visitor.person.id, room: place.room.key) }
        try await store.leave(visitor.person.id, room: key)
        // This device gets the answer and then disconnects by itself; until then it is told nothing.
        visitor.socket.set(VisitorIdentity(person: visitor.person, hasQuit: true))
        let devices = visitor.socket.namespace.in(visitor.personRoom)
        devices.except(visitor.socket.id).disconnectSockets()
        visitor.socket.leave("watch")
        for place in places { visitor.socket.leave(Self.channelRoom(place.room.key)) }
        io.in(visitor.personRoom).emit("quit", visitor.space)
        return true
    }
}
