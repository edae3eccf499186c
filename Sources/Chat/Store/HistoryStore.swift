// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation
internal import SocketIOServer

/// Where the chat keeps people, rooms and what was said.
///
/// What a call has returned for is kept: it is there again after the process was killed, except with ``MemoryStore``.
/// Several servers need a store that they share. All keys and ids are ASCII and short; texts have been bounded before.
/// `HistoryStoreTests` has the contract as tests, which every store passes.
public protocol HistoryStore: Sendable {
    /// The limits in force. Lower ones take effect with the next message of a room, or with ``trim(now:)``.
    var limits: ChatLimits { get set }

    /// The secret that all servers of this chat sign with: the first candidate that any of them has offered.
    func secret(_ candidate: String) async throws -> String

    // MARK: People

    /// A person by id; nil when unknown.
    func person(_ id: String) async throws -> ChatPerson?
    /// Stores a person with this name, if nobody else has one that looks the same. The name of somebody who was here
    /// last before `heldSince` is free again. An empty skeleton means that names need not differ.
    ///
    /// A new person is a newcomer. People settle when they say something, make a room, become a member of a conversation,
    /// or are moderated; only newcomers are ever forgotten while they are members of rooms. People whose last room was
    /// removed are newcomers again.
    ///
    /// - Throws: ``HistoryStoreError/full`` for a new person when there are ``ChatLimits/maxPeople``, unless the store can
    ///   forget a newcomer who was last seen more than an hour before `person.seen`.
    func claim(_ person: ChatPerson, skeleton: String, heldSince: Int64) async throws -> Bool
    /// People are still here: changes when they were last seen. Ids that the store does not know are ignored.
    func seen(_ people: [String], at time: Int64) async throws
    /// A person has left. One who is in no room is forgotten, and the name is free. Bans are no places in rooms, and stay.
    func left(_ person: String, at time: Int64) async throws

    // MARK: Rooms

    /// Makes a room. If there is one with this key, that one stays as it is and is returned.
    ///
    /// A room in which nothing was ever said is unused. It gives its place to a room that is made more than an hour later,
    /// when there is no other place; the oldest one first. A removed room loses its members, and its owner may make another
    /// one. A community is unused while it has no channels, and is removed with its last channel. The community of the lobby,
    /// and channels of the lobby without an owner, are always there.
    ///
    /// - Throws: ``HistoryStoreError/full`` when there are ``ChatLimits/historyRooms``;
    ///   ``HistoryStoreError/tooManyChannels`` for a channel of a community that has ``ChatLimits/maxChannels``;
    ///   ``HistoryStoreError/tooManyBegun`` when the owner, if there is one, has made ``ChatLimits/maxPlaces`` rooms that are
    ///   there.
    func create(_ room: ChatRoom) async throws -> ChatRoom
    /// A room by key; nil when there is none.
    func room(_ key: String) async throws -> ChatRoom?
    /// The channels of a community, by title.
    func channels(of space: String) async throws -> [ChatRoom]
    /// Makes a person a member of a room; one who is a member or banned stays as they are. What was said before counts as
    /// read.
    func join(_ member: ChatMember, room: String) async throws
    /// Ends a membership, or a ban.
    func leave(_ person: String, room: String) async throws
    /// Changes what a member may do. A ban is kept with the room, also when the person is forgotten.
    func moderate(_ person: String, in room: String, role: ChatMember.Role, mutedUntil: Int64) async throws
    /// A member; nil for others.
    func member(_ person: String, of room: String) async throws -> ChatMember?
    /// The first members of a room, 1,000 at most.
    func members(of room: String) async throws -> [ChatMember]
    /// The rooms of a person in a community, or with an empty `space` their communities and conversations; without those
    /// that they were sent away from, which cost nothing here, however many they are.
    func places(of person: String, in space: String) async throws -> [ChatPlace]
    /// How many communities and conversations a person is in, without those that they were sent away from.
    func placeCounts(of person: String) async throws -> (communities: Int, conversations: Int)

    // MARK: Messages

    /// Stores a message as the room's next, and returns it with its number. A message of this sender with this id that
    /// is stored already is returned as it is. The sender has read the room up to it.
    ///
    /// When all rooms together are over ``ChatLimits/historyBytes``, the room with the most bytes loses its oldest messages
    /// first. A store may choose any room that has at least half as many. This message goes only when no other is left.
    ///
    /// - Throws: ``HistoryStoreError/refused`` when there is no such room, or no longer.
    func append(_ message: ChatMessage) async throws -> ChatMessage
    /// A message by number; nil when it is not there, or no longer.
    func message(_ seq: Int64, in room: String) async throws -> ChatMessage?
    /// Stores a changed message, if the stored one has the revision before; false when somebody was faster.
    func replace(_ message: ChatMessage) async throws -> Bool
    /// At most `limit` messages with numbers below `before`, the newest of them, oldest first. `nil` means the last.
    func messages(in room: String, before: Int64?, limit: Int) async throws -> [ChatMessage]
    /// At most `limit` messages with numbers above `after`, the oldest of them, oldest first.
    func messages(in room: String, after: Int64, limit: Int) async throws -> [ChatMessage]
    /// At most `limit` of the room's newest 5,000 messages, those that contain the text, newest first. ASCII letters match
    /// in either case.
    func search(_ text: String, in room: String, limit: Int) async throws -> [ChatMessage]
    /// The number of the room's last message; 0 when nothing was said.
    func last(in room: String) async throws -> Int64
    /// Moves a member's markers; they never go back. Returns the markers as they are then, nil for a stranger.
    func mark(_ person: String, in room: String, read: Int64, delivered: Int64) async throws -> ChatMember?

    // MARK: Files

    /// Begins a file, or goes on with it. Returns how many of its bytes are there.
    ///
    /// - Throws: ``HistoryStoreError/refused`` when somebody else has begun it.
    func begin(_ file: ChatFile, owner: String, now: Int64) async throws -> Int
    /// Adds bytes at an offset; does nothing when the offset is not the end. Returns how many bytes are there then.
    func append(_ bytes: [UInt8], at offset: Int, to file: String, owner: String) async throws -> Int
    /// Lets the members of a room read a complete file of this owner; nil when it is not there or not complete.
    func attach(_ file: String, owner: String, to room: String) async throws -> ChatFile?
    /// At most `count` bytes of a file that belongs to a room; nil when there is no such file.
    func read(_ file: String, in room: String, at offset: Int, count: Int) async throws -> [UInt8]?

    /// Removes what is over the limits or too old, forgets newcomers who were last seen longer ago than
    /// ``ChatLimits/nameHold``, and removes unused rooms that were made longer ago. Called once a minute.
    func trim(now: Int64) async throws
    /// Writes what waits and ends.
    func close() async
}

extension HistoryStore {
    /// Reads whole messages to find the text in them.
    public func search(_ text: String, in room: String, limit: Int) async throws -> [ChatMessage] {
        let pattern = SearchPattern(text)
        return try await search(limit: limit) { before, count in
            let page = try await messages(in: room, before: before, limit: count)
            return (page.reversed().filter { pattern.matches($0.text) }, page.first?.seq)
        }
    }

    /// Looks through the newest 5,000 messages of a room in 25 pages, so that the store can serve other calls in between.
    ///
    /// - Parameter page: returns those of the `count` newest messages with numbers below `before` that match, newest first,
    ///   and the lowest number it has seen.
    func search(
        limit: Int, page: (_ before: Int64?, _ count: Int) async throws -> (found: [ChatMessage], first: Int64?)
    ) async throws -> [ChatMessage] {
        var before: Int64?
        var found: [ChatMessage] = []
        for _ in 0..<25 where found.count < limit {
            let next = try await page(before, 200)
            found += next.found
            guard let first = next.first else { break }
            before = first
        }
        return Array(found.prefix(limit))
    }
}

/// Why a store did not do what it was asked for.
public enum HistoryStoreError: Error, Sendable, Hashable {
    /// The limit of rooms or of people has been reached.
    case full
    /// A community has as many channels as it may have.
    case tooManyChannels
    /// A person has made as many rooms as one may.
    case tooManyBegun
    /// It belongs to somebody else.
    case refused
    /// The store does not answer, or not in time. Nothing is known about what became of the call.
    case away(String)
}

/// How messages and rooms are written down.
enum StoredJSON {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func value<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    /// A message without its text, which is stored beside it: once, and in a form that can be searched.
    static func textless(_ message: ChatMessage) throws -> String {
        var message = message
        message.text = ""
        return try text(message)
    }

    /// The message of which ``textless(_:)`` and the text were stored. In earlier releases the text was in the JSON.
    static func message(_ json: some Collection<UInt8>, text: some Collection<UInt8>) throws -> ChatMessage {
        var message = try JSONDecoder().decode(ChatMessage.self, from: Data(json))
        if message.text.isEmpty { message.text = String(decoding: text, as: UTF8.self) }
        return message
    }
}

extension ChatRoom {
    /// Whether it stays when nothing is ever said in it.
    var isPermanent: Bool {
        key.hasSameBytes(as: RoomKey.community(CommunityName.lobby).text)
            || owner.isEmpty && space.hasSameBytes(as: CommunityName.lobby)
    }
}
