// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// What the owner of a community may do.
extension Chat {
    func listenForModeration(_ visitor: Visitor) {
        on(visitor, "mute") { (person: String, minutes: Int) async throws -> Bool in
            let key = try await moderated(visitor, person)
            // A mute makes a member, which would lift a ban.
            guard try await store.member(person, of: key)?.role != .banned else { throw Self.noPersonHere }
            let until = minutes <= 0 ? 0 : Self.now + Int64(min(minutes, 525_600)) * 60_000
            try await store.moderate(person, in: key, role: .member, mutedUntil: until)
            visitor.socket.namespace.in(Visitor.room(of: person)).emit("muted", until)
            return true
        }
        on(visitor, "kick") { (person: String) async throws -> Bool in
            let key = try await moderated(visitor, person, mayHaveLeft: true)
            for place in try await store.places(of: person, in: visitor.space) {
                try await store.leave(person, room: place.room.key)
            }
            // A person who has left becomes a member again, so that the ban is stored.
            try await store.join(ChatMember(person: person), room: key)
            try await store.moderate(person, in: key, role: .banned, mutedUntil: 0)
            let theirs = visitor.socket.namespace.in(Visitor.room(of: person))
            theirs.emit("kicked")
            theirs.disconnectSockets()
            return true
        }
        on(visitor, "pardon") { (person: String) async throws -> Bool in
            let key = try await moderated(visitor, person)
            try await store.leave(person, room: key)
            return true
        }
    }

    private static let noPersonHere = EventError.refusal(.noPerson, "There is no such person here.")

    /// The key of the community. Refuses unless the visitor owns it and the other person is a member or, with `mayHaveLeft`, is known
    /// to the chat.
    private func moderated(_ visitor: Visitor, _ person: String, mayHaveLeft: Bool = false) async throws -> String {
        try limitReading(visitor)
        let key = RoomKey.community(visitor.space).text
        guard try await store.member(visitor.person.id, of: key)?.role == .owner else { throw EventError.notYours }
        guard ChatID.isValid(person) else { throw Self.noPersonHere }
        let other = try await store.member(person, of: key)
        guard other?.role != .owner else { throw Self.noPersonHere }
        if other == nil {
            guard mayHaveLeft, try await store.person(person) != nil else { throw Self.noPersonHere }
        }
        return key
    }
}
