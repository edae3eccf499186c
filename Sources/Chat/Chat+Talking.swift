// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// A message as a page sends it.
struct ChatDraft: Decodable, Sendable {
    var id: String
    var text: String
    /// The number of the message it answers.
    var reply: MessageNumber?
    /// The id of a file that was uploaded before.
    var file: String?
}

/// Somebody has read, or their device has received, messages.
struct ChatMarker: Codable, Sendable {
    var room: String
    var person: String
    var read: Int64
    var delivered: Int64
}

/// Somebody is typing.
struct ChatTyping: Codable, Sendable {
    var room: String
    var person: String
    var name: String
}

/// A room that a person may read.
struct ChatAccess: Sendable {
    let room: ChatRoom
    /// The people of a conversation; nil for a channel.
    let people: [String]?
}

/// What is said, in channels and conversations alike.
extension Chat {
    /// Messages that a room opens with. Pages of older ones, and of those that a client missed, have four times as many.
    static let page = 50

    func listenForTalk(_ visitor: Visitor) {
        on(visitor, "open") { (key: String) async throws -> ChatOpening in
            try limitReading(visitor)
            return try await open(visitor, key)
        }
        on(visitor, "history") { (key: String, before: MessageNumber) async throws -> [ChatMessage] in
            try limitReading(visitor, cost: 4)
            _ = try await access(visitor, key)
            return try await store.messages(in: key, before: before.value, limit: 4 * Self.page)
        }
        on(visitor, "since") { (key: String, after: MessageNumber) async throws -> [ChatMessage] in
            try limitReading(visitor, cost: 4)
            _ = try await access(visitor, key)
            return try await store.messages(in: key, after: after.value, limit: 4 * Self.page)
        }
        on(visitor, "search") { (key: String, text: String) async throws -> [ChatMessage] in
            try limitReading(visitor, cost: 20)
            _ = try await access(visitor, key)
            guard (2...200).contains(text.utf8.count) else { return [] }
            return try await searches.run { try await store.search(text, in: key, limit: Self.page) }
        }
        on(visitor, "message") { (key: String, sent: SentMessage) async throws -> MessageReceipt in
            switch sent {
            case .draft(let draft): .message(try await say(visitor, key, draft))
            case .text(let text) where visitor.space.isEmpty: .plain(try sendPlainMessage(visitor, key, text))
            case .text: throw EventError.noSuchRoom
            }
        }
        on(visitor, "edit") { (key: String, seq: MessageNumber, text: String) async throws -> ChatMessage in
            let text = try bounded(text)
            guard !text.isEmpty else { throw Self.emptyMessage }
            return try await change(visitor, key, seq.value) { message, _ in
                guard message.from.hasSameBytes(as: visitor.person.id), message.deleted != true else {
                    throw EventError.notYours
                }
                message.text = text
                message.edited = Self.now
            }
        }
        on(visitor, "delete") { (key: String, seq: MessageNumber) async throws -> ChatMessage in
            try await change(visitor, key, seq.value) { message, isOwner in
                guard message.from.hasSameBytes(as: visitor.person.id) || isOwner else { throw EventError.notYours }
                message.text = ""
                message.file = nil
                message.reactions = nil
                message.reply = nil
                message.deleted = true
            }
        }
        on(visitor, "react") { (key: String, seq: MessageNumber, emoji: String, on: Bool) async throws -> ChatMessage in
            try await react(visitor, key, seq.value, emoji, on)
        }
        on(visitor, "read") { (key: String, seq: MessageNumber) async throws -> Bool in
            try limitReading(visitor)
            return try await mark(visitor, key, read: seq.value, delivered: seq.value)
        }
        on(visitor, "received") { (key: String, seq: MessageNumber) async throws -> Bool in
            try limitReading(visitor)
            return try await mark(visitor, key, read: 0, delivered: seq.value)
        }
        on(visitor, "typing") { (key: String) async throws -> Bool in
            try limitReading(visitor, cost: 5)
            let access = try await access(visitor, key)
            _ = try await role(visitor, access)
            let event = ChatTyping(room: key, person: visitor.person.id, name: visitor.person.name)
            audience(visitor, access).except(visitor.personRoom).volatile.emit("typing", event)
            return true
        }
        on(visitor, "report") { (key: String, seq: MessageNumber, reason: String) async throws -> Bool in
            try limitWriting(visitor)
            _ = try await access(visitor, key)
            guard let message = try await store.message(seq.value, in: key) else { throw EventError.noSuchMessage }
            guard reason.utf8.count <= 1_000 else { throw EventError.refusal(.tooLong, "A reason is too long.") }
            await onReport(ChatReport(by: visitor.person, message: message, reason: reason))
            return true
        }
    }

    // MARK: Who may

    /// The room, if the person may read it: channels those who are in the community, conversations their people.
    func access(_ visitor: Visitor, _ key: String) async throws -> ChatAccess {
        try checkHasNotQuit(visitor)
        switch RoomKey(key) {
        case .channel(let space, _)? where space.hasSameBytes(as: visitor.space):
            guard let room = try await store.room(key) else { throw EventError.noSuchRoom }
            return ChatAccess(room: room, people: nil)
        case .direct(let one, let other)? where visitor.space.isEmpty:
            guard one.hasSameBytes(as: visitor.person.id) || other.hasSameBytes(as: visitor.person.id),
                let room = try await store.room(key)
            else { throw EventError.noSuchRoom }
            return ChatAccess(room: room, people: [one, other])
        case .group? where visitor.space.isEmpty:
            let members = try await store.members(of: key)
            guard members.contains(where: { $0.person.hasSameBytes(as: visitor.person.id) }),
                let room = try await store.room(key)
            else { throw EventError.noSuchRoom }
            return ChatAccess(room: room, people: members.map(\.person))
        default: throw EventError.noSuchRoom
        }
    }

    /// Refuses a device that is still connected although its person has left the community.
    func checkHasNotQuit(_ visitor: Visitor) throws {
        guard visitor.socket.get(VisitorIdentity.self)?.hasQuit != true else { throw EventError.noSuchRoom }
    }

    /// All devices that hear a room, wherever they are connected.
    func audience(_ visitor: Visitor, _ access: ChatAccess) -> BroadcastOperator {
        if let people = access.people { return io.in(people.map(Visitor.room(of:))) }
        return visitor.socket.namespace.in(Self.channelRoom(access.room.key))
    }

    /// The role in the community of a channel, if the person may speak there.
    private func role(_ visitor: Visitor, _ access: ChatAccess) async throws -> ChatMember.Role {
        guard access.people == nil else { return .member }
        let member = try await store.member(visitor.person.id, of: RoomKey.community(visitor.space).text)
        guard let member, member.role != .banned else { throw EventError.noSuchRoom }
        try checkMute(member)
        return member.role
    }

    func checkMute(_ member: ChatMember) throws {
        guard member.mutedUntil <= Self.now else {
            throw EventError.refusal(
                .muted, "The owner of this community has muted you.", ["until": .int(member.mutedUntil)])
        }
    }

    // MARK: Saying

    private static let emptyMessage = EventError.refusal(.empty, "A message must not be empty.")

    /// A text within the limit, without blanks at its ends and without control characters other than ends of lines.
    func bounded(_ text: String) throws -> String {
        let limit = limits.maxTextBytes
        // Checked first, because everything else that is done to a text takes time in proportion to its length.
        guard text.utf8.count <= limit else {
            throw EventError.refusal(.tooLong, "A message has at most \(limit) bytes.", ["limit": .int(Int64(limit))])
        }
        var scalars = text.unicodeScalars.filter {
            $0 == "\n" || $0 == "\t" || $0.properties.generalCategory != .control
        }[...]
        while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
        return String(String.UnicodeScalarView(scalars))
    }

    private func say(_ visitor: Visitor, _ key: String, _ draft: ChatDraft) async throws -> ChatMessage {
        let text = try bounded(draft.text)
        guard ChatID.isValid(draft.id) else { throw EventError.refusal(.badId, "A message needs an id.") }
        guard !text.isEmpty || draft.file != nil else { throw Self.emptyMessage }
        try limitWriting(visitor)
        let access = try await access(visitor, key)
        _ = try await role(visitor, access)
        var message = ChatMessage(
            room: key, seq: 0, id: draft.id, from: visitor.person.id, name: visitor.person.name, text: text,
            time: Self.now)
        if let seq = draft.reply?.value, let answered = try await store.message(seq, in: key) {
            let beginning = String(String.UnicodeScalarView(answered.text.unicodeScalars.prefix(120)))
            message.reply = ChatMessage.Reply(seq: seq, name: answered.name, text: beginning)
        }
        if let file = draft.file {
            let file = Self.fileID(file, of: visitor)
            message.file = try await store.attach(file, owner: visitor.person.id, to: key)
            guard message.file != nil else { throw EventError.refusal(.noFile, "The file is not complete.") }
        }
        let stored = try await store.append(message)
        // Also when it had been stored before: the server that did so may have died before it told anybody.
        audience(visitor, access).emit("message", stored)
        return stored
    }

    // MARK: Changing

    private func change(
        _ visitor: Visitor, _ key: String, _ seq: Int64,
        _ body: @Sendable (inout ChatMessage, _ isOwner: Bool) throws -> Void
    ) async throws -> ChatMessage {
        try limitWriting(visitor)
        let access = try await access(visitor, key)
        let role = try await role(visitor, access)
        // Others may change it at the same time, on other servers too.
        for _ in 0..<8 {
            guard var message = try await store.message(seq, in: key) else { throw EventError.noSuchMessage }
            try body(&message, role == .owner)
            message.rev += 1
            if try await store.replace(message) {
                audience(visitor, access).emit("changed", message)
                return message
            }
        }
        throw EventError.refusal(.busy, "Others are changing this message; try again.")
    }

    private func react(
        _ visitor: Visitor, _ key: String, _ seq: Int64, _ emoji: String, _ on: Bool
    ) async throws -> ChatMessage {
        guard (1...32).contains(emoji.utf8.count), emoji.unicodeScalars.allSatisfy({ $0.value > 0x7f }),
            emoji.count == 1
        else { throw EventError.refusal(.noEmoji, "A reaction is one emoji.") }
        let me = visitor.person.id
        return try await change(visitor, key, seq) { message, _ in
            guard message.deleted != true else { throw EventError.noSuchMessage }
            var reactions = message.reactions ?? []
            let index = reactions.firstIndex { $0.emoji.utf8.elementsEqual(emoji.utf8) }
            if let index {
                reactions[index].people.removeAll { $0.hasSameBytes(as: me) }
                if on, reactions[index].people.count < 100 { reactions[index].people.append(me) }
                if reactions[index].people.isEmpty { reactions.remove(at: index) }
            } else if on {
                guard reactions.count < 12 else {
                    throw EventError.refusal(.tooMany, "There are too many reactions.")
                }
                reactions.append(ChatMessage.Reaction(emoji: emoji, people: [me]))
            }
            message.reactions = reactions.isEmpty ? nil : reactions
        }
    }

    // MARK: Reading

    func open(_ visitor: Visitor, _ key: String) async throws -> ChatOpening {
        let access = try await access(visitor, key)
        let messages = try await store.messages(in: key, before: nil, limit: Self.page)
        let member = try await store.member(visitor.person.id, of: key)
        let last = max(try await store.last(in: key), messages.last?.seq ?? 0)
        return ChatOpening(
            room: access.room, messages: messages, more: messages.count == Self.page, last: last,
            read: member?.read ?? last, members: access.people == nil ? nil : try await store.members(of: key),
            people: access.people == nil ? nil : try await people(of: key))
    }

    /// Moves the markers of a person; tells their other devices, and in a conversation the others.
    private func mark(_ visitor: Visitor, _ key: String, read: Int64, delivered: Int64) async throws -> Bool {
        let access = try await access(visitor, key)
        guard
            let member = try await store.mark(visitor.person.id, in: key, read: read, delivered: delivered)
        else { return false }
        let marker = ChatMarker(
            room: key, person: visitor.person.id, read: member.read, delivered: member.delivered)
        if access.people == nil {
            visitor.socket.to(visitor.personRoom).emit("marker", marker)
        } else {
            audience(visitor, access).except(visitor.socket.id).emit("marker", marker)
        }
        return true
    }
}
