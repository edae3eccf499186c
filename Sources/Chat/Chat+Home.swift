// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// What the page knows of itself after it has connected.
struct ChatSelf: Codable, Sendable {
    var id: String
    var name: String
    /// What shows, next time, that it is the same person; nil for somebody who has logged in elsewhere.
    var token: String?
    /// The tag of the server.
    var node: String
    var maxTextBytes: Int
    var maxFileBytes: Int
}

/// The communities and conversations of a person.
struct ChatHome: Codable, Sendable {
    var communities: [ChatPlace]
    var conversations: [ChatPlace]
}

/// Somebody has left a group.
struct ChatDeparture: Codable, Sendable {
    var room: String
    var person: String
}

/// Whether somebody is here.
struct ChatSight: Codable, Sendable {
    var person: String
    var here: Bool
    /// When they were here last, in milliseconds since 1970; 0 when unknown.
    var seen: Int64
}

/// The namespace `/`: a person with all their communities and conversations.
extension Chat {
    func welcome(_ socket: Socket) {
        guard let identity = socket.get(VisitorIdentity.self) else { return socket.disconnect(close: true) }
        let visitor = visitor(socket, identity.person, in: "")
        // The room that `socketio-server emit --to lobby` reaches.
        socket.join("lobby")
        presence.arrived(visitor.person, in: "", limits: limits)
        let token = login(of: socket) == nil ? shared.token.withLockedValue { $0 }?.token(for: visitor.person.id) : nil
        socket.emit(
            "you",
            ChatSelf(
                id: visitor.person.id, name: visitor.person.name, token: token,
                node: io.configuration.engine.nodeTag, maxTextBytes: limits.maxTextBytes,
                maxFileBytes: limits.maxFileBytes))
        listenForTalk(visitor)
        listenForPlainTalk(visitor)
        listenForFiles(visitor)
        on(visitor, "home") { () async throws -> ChatHome in
            try limitReading(visitor, cost: 10)
            return try await home(visitor)
        }
        on(visitor, "place") { (key: String) async throws -> ChatPlace in
            try limitReading(visitor)
            return try await place(visitor, key)
        }
        on(visitor, "direct") { (person: String) async throws -> ChatOpening in
            try limitReading(visitor)
            return try await direct(visitor, person)
        }
        on(visitor, "group") { (title: String, people: [String]) async throws -> ChatOpening in
            try await group(visitor, title, people)
        }
        on(visitor, "create") { (title: String) async throws -> ChatPlace in try await makeCommunity(visitor, title) }
        on(visitor, "device") { () async throws -> String in
            try limitReading(visitor, cost: 5)
            guard login(of: socket) == nil else { throw EventError.notYours }
            return try await tokens().code(for: visitor.person.id, until: Self.now + 600_000)
        }
        on(visitor, "look") { (people: [String]) async throws -> [ChatSight] in
            try limitReading(visitor, cost: 5)
            return try await look(visitor, people)
        }
        socket.on("bye") { () in
            socket.set(VisitorIdentity(person: visitor.person, saidGoodbye: true))
            socket.disconnect(close: true)
        }
        socket.onDisconnect { reason in
            let saidGoodbye = socket.get(VisitorIdentity.self)?.saidGoodbye == true
            presence.departed(visitor.person, in: "", limits: limits, atOnce: saidGoodbye)
            guard !presence.isConnected(visitor.person.id) else { return }
            Task { try? await store.left(visitor.person.id, at: Self.now) }
        }
    }

    private func home(_ visitor: Visitor) async throws -> ChatHome {
        let places = try await store.places(of: visitor.person.id, in: "")
        var home = ChatHome(communities: [], conversations: [])
        let newest = places.sorted { ($0.message?.time ?? 0) > ($1.message?.time ?? 0) }
        // Conversations have people in common.
        var known: NameDictionary<ChatPerson> = [:]
        for place in newest {
            if case .community = RoomKey(place.room.key) {
                home.communities.append(place)
            } else if place.last > 0 || place.room.owner.hasSameBytes(as: visitor.person.id) {
                guard home.conversations.count < Self.listedConversations else { continue }
                var place = place
                place.people = try await people(of: place.room.key, known: &known)
                home.conversations.append(place)
            }
        }
        let lobby = RoomKey.community(CommunityName.lobby).text
        if !home.communities.contains(where: { $0.room.key.hasSameBytes(as: lobby) }),
            let room = try await store.room(lobby)
        {
            home.communities.insert(
                ChatPlace(room: room, last: 0, read: 0, message: nil, people: nil, role: .member), at: 0)
        }
        return home
    }

    /// The people of a conversation, with their current names.
    func people(of key: String) async throws -> [ChatPerson] {
        var known: NameDictionary<ChatPerson> = [:]
        return try await people(of: key, known: &known)
    }

    private func people(of key: String, known: inout NameDictionary<ChatPerson>) async throws -> [ChatPerson] {
        var people: [ChatPerson] = []
        for member in try await store.members(of: key).prefix(Self.maximumGroup) {
            let id = member.person
            let person =
                if let person = known[id] { person } else {
                    try await store.person(id) ?? ChatPerson(id: id, name: "?")
                }
            known[id] = person
            people.append(person)
        }
        return people
    }

    /// A room of a person's, as it is in their list.
    private func place(_ visitor: Visitor, _ key: String) async throws -> ChatPlace {
        let access = try await access(visitor, key)
        guard let member = try await store.member(visitor.person.id, of: key) else { throw EventError.noSuchRoom }
        let messages = try await store.messages(in: key, before: nil, limit: 1)
        return ChatPlace(
            room: access.room, last: try await store.last(in: key), read: member.read, message: messages.last,
            people: access.people == nil ? nil : try await people(of: key), role: member.role)
    }

    // MARK: Conversations

    /// People of a conversation.
    static let maximumGroup = 32
    /// The most conversations in the list of a person, newest first. An older one returns to the list with its next message.
    private static let listedConversations = 200
    /// The most people whose presence one connection follows.
    private static let maximumLooks = 200
    static let lookPrefix = "look:"

    private func direct(_ visitor: Visitor, _ other: String) async throws -> ChatOpening {
        guard ChatID.isValid(other), !other.hasSameBytes(as: visitor.person.id),
            try await store.person(other) != nil
        else { throw EventError.refusal(.noPerson, "There is no such person.") }
        let key = RoomKey.direct(between: visitor.person.id, and: other).text
        if try await store.room(key) == nil {
            try limitRooms(visitor)
            try await converse(
                visitor, ChatRoom(key: key, title: "", space: "", owner: visitor.person.id, created: Self.now), [other])
        }
        return try await open(visitor, key)
    }

    private func group(_ visitor: Visitor, _ title: String, _ people: [String]) async throws -> ChatOpening {
        // First, since all that follows costs the store something for each of the people.
        try limitRooms(visitor)
        guard let title = ChatTitle(title) else { throw Self.badTitle }
        let others = NameSet(people.prefix(Self.maximumGroup)).subtracting([visitor.person.id])
        guard !others.isEmpty, others.count < Self.maximumGroup, others.allSatisfy({ ChatID.isValid($0) }) else {
            throw EventError.refusal(.noPerson, "A group has 2 to \(Self.maximumGroup) people.")
        }
        for person in others where try await store.person(person) == nil {
            throw EventError.refusal(.noPerson, "There is no such person.")
        }
        // A group adds people without asking them, so the number of their places is limited here, too.
        for person in others where try await store.placeCounts(of: person).conversations >= 2 * limits.maxPlaces {
            throw EventError.refusal(.tooMany, "One of these people is in too many conversations.")
        }
        let room = ChatRoom(
            key: RoomKey.group(ChatID.random()).text, title: title.text, space: "", owner: visitor.person.id,
            created: Self.now)
        try await converse(visitor, room, others.sorted())
        for person in others { io.in(Visitor.room(of: person)).emit("added", room.key) }
        return try await open(visitor, room.key)
    }

    /// Leaves a group with all devices. Those who stay hear of it; those who have left cannot read the group any more.
    func leaveGroup(_ visitor: Visitor, _ key: String) async throws -> Bool {
        let access = try await access(visitor, key)
        try await store.leave(visitor.person.id, room: key)
        audience(visitor, access).emit("departed", ChatDeparture(room: key, person: visitor.person.id))
        return true
    }

    private func converse(_ visitor: Visitor, _ room: ChatRoom, _ others: [String]) async throws {
        let room = try await store.create(room)
        for person in [visitor.person.id] + others { try await store.join(ChatMember(person: person), room: room.key) }
    }

    static let badTitle = EventError.refusal(.badTitle, "A title has 1 to 64 visible characters of one script.")

    // MARK: Communities

    /// Makes the community that everybody is in.
    func makeLobby() async throws {
        try await makeCommunity(
            ChatRoom(
                key: RoomKey.community(CommunityName.lobby).text, title: "Lobby", space: "", owner: "",
                created: Self.now))
    }

    /// Makes a community with its first channel.
    private func makeCommunity(_ room: ChatRoom) async throws {
        guard case .community(let id) = RoomKey(room.key) else { return }
        _ = try await store.create(room)
        _ = try await store.create(
            ChatRoom(
                key: RoomKey.channel(community: id, id: ChatID.of("general")).text, title: "general", space: id,
                owner: "", created: Self.now))
    }

    private func makeCommunity(_ visitor: Visitor, _ title: String) async throws -> ChatPlace {
        try limitRooms(visitor)
        guard let title = ChatTitle(title) else { throw Self.badTitle }
        let room = ChatRoom(
            key: RoomKey.community(ChatID.random()).text, title: title.text, space: "", owner: visitor.person.id,
            created: Self.now)
        try await makeCommunity(room)
        try await store.join(ChatMember(person: visitor.person.id, role: .owner), room: room.key)
        if case .community(let id) = RoomKey(room.key) {
            let general = RoomKey.channel(community: id, id: ChatID.of("general")).text
            try await store.join(ChatMember(person: visitor.person.id), room: general)
        }
        let place = ChatPlace(room: room, last: 0, read: 0, message: nil, people: nil, role: .owner)
        io.in(visitor.personRoom).except(visitor.socket.id).emit("community", place)
        return place
    }

    // MARK: Who is here

    /// Joins the rooms where changes of people's presence are told. Does not suspend, so that several at a time keep to the limit.
    private func follow(_ people: [String], _ socket: Socket) {
        let earlier = socket.rooms.filter { $0.beginsWithBytes(of: Self.lookPrefix) }
        for room in earlier.prefix(max(0, earlier.count + people.count - Self.maximumLooks)) { socket.leave(room) }
        socket.join(people.map { Self.lookPrefix + $0 })
    }

    private func look(_ visitor: Visitor, _ people: [String]) async throws -> [ChatSight] {
        let people = people.prefix(50).filter { ChatID.isValid($0) }
        follow(people, visitor.socket)
        var sights: [ChatSight] = []
        for person in people {
            let here = presence.isHere(person)
            let seen = here ? Self.now : try await store.person(person)?.seen ?? 0
            sights.append(ChatSight(person: person, here: here, seen: seen))
        }
        return sights
    }
}
