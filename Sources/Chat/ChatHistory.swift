// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// One message as clients see it.
public struct ChatMessage: Codable, Sendable, Equatable {
    /// Identifies the message among all of this server's life.
    public var id: String
    /// The key of the room or conversation.
    public var room: String
    /// The sender's name.
    public var from: String
    /// What was said, as plain text.
    public var text: String
    /// When the server accepted it, in milliseconds since 1970.
    public var time: Int64
}

/// The last messages of each room, for those who enter later.
///
/// Kept in memory within the bounds of ``ChatLimits``. When a room has too many messages or bytes, its oldest messages
/// are removed. When there are too many rooms, the room without a message for the longest time is removed; when all
/// rooms together have too many bytes, the oldest messages of that room are.
final class ChatHistory: Sendable {
    /// A name by its bytes: names that look the same are different ones when they are written differently.
    fileprivate typealias Key = [UInt8]

    fileprivate struct Room {
        var messages: [ChatMessage] = []
        var bytes = 0
        var lastUse: UInt64 = 0
    }

    fileprivate struct State {
        var limits: ChatLimits
        var rooms: [Key: Room] = [:]
        var bytes = 0
        /// Rooms in the order of their messages; only a room's last entry counts.
        var uses: [(room: Key, clock: UInt64)] = []
        /// How many entries of ``uses`` have been processed.
        var usesBegin = 0
        /// Rooms whose history other servers have been asked for.
        var asked: Set<Key> = []
        var clock: UInt64 = 0
    }

    /// Bytes that a message counts in addition to its texts.
    static let overhead = 256
    /// The largest sizes of the id, the room's key and the sender's name of a message from another server.
    private static let maxNameBytes = 512

    private let state: NIOLockedValueBox<State>

    init(_ limits: ChatLimits = ChatLimits()) {
        state = NIOLockedValueBox(State(limits: limits))
    }

    /// The limits in force. Lower ones take effect immediately.
    var limits: ChatLimits {
        get { state.withLockedValue { $0.limits } }
        set {
            state.withLockedValue { state in
                state.limits = newValue
                for key in Array(state.rooms.keys) { state.trim(key) }
                state.trim()
            }
        }
    }

    /// The number of bytes of the kept messages, and of their rooms.
    var size: (bytes: Int, rooms: Int) { state.withLockedValue { ($0.bytes, $0.rooms.count) } }

    /// The number of entries in the order of rooms.
    var orderEntries: Int { state.withLockedValue { $0.uses.count } }

    /// The messages of a room, oldest first.
    func messages(in room: String) -> [ChatMessage] {
        state.withLockedValue { $0.rooms[Array(room.utf8)]?.messages ?? [] }
    }

    /// Inserts a message in the order of time. A message that exists already is ignored, and one that is too large is
    /// not kept.
    func add(_ message: ChatMessage) {
        guard Self.isSensible(message) else { return }
        state.withLockedValue { state in
            let size = Self.size(of: message)
            guard message.text.utf8.count <= state.limits.maxTextBytes, size <= state.limits.historyRoomBytes else {
                return
            }
            let key = Array(message.room.utf8)
            var room = state.rooms[key] ?? Room()
            guard !room.messages.contains(where: { $0.id.utf8.elementsEqual(message.id.utf8) }) else { return }
            // Nearly always at the end.
            let index = room.messages.lastIndex { $0.time <= message.time }.map { $0 + 1 } ?? 0
            room.messages.insert(message, at: index)
            room.bytes += size
            state.clock += 1
            room.lastUse = state.clock
            state.rooms[key] = room
            state.bytes += size
            state.uses.append((key, state.clock))
            state.trim(key)
            state.trim()
        }
    }

    /// Whether the names are no longer than those that the chat itself creates.
    private static func isSensible(_ message: ChatMessage) -> Bool {
        [message.id, message.room, message.from].allSatisfy { $0.utf8.count <= maxNameBytes }
    }

    /// The number of bytes that a message counts for.
    static func size(of message: ChatMessage) -> Int {
        overhead + message.id.utf8.count + message.room.utf8.count + message.from.utf8.count + message.text.utf8.count
    }

    // MARK: Other servers

    /// Whether other servers have not been asked about a room yet; they have when this has returned true.
    func shouldAsk(about room: String) -> Bool {
        state.withLockedValue { state in
            // Bounded as the rooms are; asking again is cheap.
            if state.asked.count >= state.limits.historyRooms { state.asked = [] }
            return state.asked.insert(Array(room.utf8)).inserted
        }
    }

    /// They may know of messages that never came here.
    func forgetAsked() {
        state.withLockedValue { $0.asked = [] }
    }
}

extension ChatHistory.State {
    /// Removes the oldest messages of a room until it is within its limits.
    fileprivate mutating func trim(_ key: [UInt8]) {
        while let room = rooms[key],
            room.messages.count > limits.historyMessages || room.bytes > limits.historyRoomBytes
        {
            removeOldest(of: key)
        }
    }

    /// Removes rooms and messages until everything is within the limits, starting with the room without a message for
    /// the longest time.
    fileprivate mutating func trim() {
        while rooms.count > limits.historyRooms || bytes > limits.historyBytes, let key = leastRecentlyUsed() {
            if rooms.count > limits.historyRooms {
                bytes -= rooms.removeValue(forKey: key)?.bytes ?? 0
            } else {
                removeOldest(of: key)
            }
        }
        // Busy rooms leave outdated entries behind.
        if uses.count > 2 * rooms.count + 64 {
            uses = uses[usesBegin...].filter { rooms[$0.room]?.lastUse == $0.clock }
            usesBegin = 0
        }
    }

    private mutating func leastRecentlyUsed() -> [UInt8]? {
        while usesBegin < uses.count {
            let (key, clock) = uses[usesBegin]
            if rooms[key]?.lastUse == clock { return key }
            usesBegin += 1
        }
        return nil
    }

    private mutating func removeOldest(of key: [UInt8]) {
        guard let oldest = rooms[key]?.messages.first else {
            rooms[key] = nil
            return
        }
        let size = ChatHistory.size(of: oldest)
        bytes -= size
        rooms[key]?.bytes -= size
        rooms[key]?.messages.removeFirst()
        if rooms[key]?.messages.isEmpty == true { rooms[key] = nil }
    }
}
