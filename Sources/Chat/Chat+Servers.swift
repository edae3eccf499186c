// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// What the chat does so that several servers are one place: they tell each other who is here. Everything else they have
/// in common is in the store.
extension Chat {
    /// Events between servers.
    private enum ServerEvent {
        static let people = "chat:people"
        static let everybody = "chat:everybody"
    }

    /// Listens to the other servers.
    func listenToServers() {
        io.sockets.on(ServerEvent.people) { (node: String, changes: [Presence.Change]) in
            guard ChatID.isValid(node) else { return }
            presence.heard(node, changes, limits: limits)
        }
        io.sockets.on(ServerEvent.everybody) { (node: String) -> Presence.Node in presence.own }
    }

    /// Who came and went on this server, told to the other servers; and all changes, told to those here who look.
    static func tell(
        _ io: Server, _ communities: ParentNamespace, _ node: String, own: [Presence.Change], seen: [Presence.Change]
    ) async {
        var spaces: NameDictionary<[Presence.Change]> = [:]
        for change in seen {
            if change.space.isEmpty {
                io.in(Self.lookPrefix + change.person).local.emit(
                    "sight", ChatSight(person: change.person, here: change.isHere, seen: Self.now))
            } else {
                spaces[change.space, default: []].append(change)
            }
        }
        for namespace in spaces.isEmpty ? [] : communities.children {
            guard let id = CommunityName.id(of: namespace.name), let changes = spaces[id] else { continue }
            namespace.in("watch").local.emit("people", Self.summary(changes))
        }
        guard !own.isEmpty, !(io.adapter is MemoryAdapter) else { return }
        for start in stride(from: 0, to: own.count, by: 500) {
            let part = Array(own[start..<min(own.count, start + 500)])
            try? await io.serverSideEmit(ServerEvent.people, node, part)
        }
    }

    /// At most 20 of those who came and of those who went, by name; the others only as a number.
    private static func summary(_ changes: [Presence.Change]) -> ChatCrowdChange {
        let came = changes.filter(\.isHere)
        let went = changes.filter { !$0.isHere }
        return ChatCrowdChange(
            came: came.prefix(20).map { ChatPerson(id: $0.person, name: $0.name) },
            went: went.prefix(20).map { ChatPerson(id: $0.person, name: $0.name) },
            more: max(0, came.count - 20) - max(0, went.count - 20))
    }

    /// Asks the other servers who is there. To be called when servers have come or gone, or hear each other again.
    public func refresh() async {
        // A Redis that has lost everything gets the secret back, so that people stay who they are.
        if let secret = shared.secret.withLockedValue({ $0 }) {
            _ = try? await store.secret(secret)
            try? await makeLobby()
        }
        guard !(io.adapter is MemoryAdapter) else { return }
        let nodes = try? await io.sockets.serverSideEmitWithAck(
            ServerEvent.everybody, presence.node, as: Presence.Node.self, timeout: .seconds(2), of: .ofThisKind)
        if let nodes { presence.replace(nodes, limits: limits) }
    }
}

/// Who came to a community and who went.
struct ChatCrowdChange: Codable, Sendable {
    var came: [ChatPerson]
    var went: [ChatPerson]
    /// How many more came than went, of those who are not named.
    var more: Int
}
