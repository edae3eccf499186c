// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers

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
/// Kept in memory and bounded: the oldest message of a room goes when the room is full, the room least recently spoken
/// in goes when there are too many.
final class ChatHistory: Sendable {
    private struct Room {
        var messages: [ChatMessage] = []
        var lastUse: UInt64 = 0
    }

    private struct State {
        var rooms: [String: Room] = [:]
        /// Rooms whose history other servers have been asked for.
        var asked: Set<String> = []
        var clock: UInt64 = 0
    }

    private let state = NIOLockedValueBox(State())
    private let messagesPerRoom: Int
    private let maxRooms: Int

    init(messagesPerRoom: Int = 50, maxRooms: Int = 1000) {
        self.messagesPerRoom = messagesPerRoom
        self.maxRooms = maxRooms
    }

    /// The messages of a room, oldest first.
    func messages(in room: String) -> [ChatMessage] {
        state.withLockedValue { $0.rooms[room]?.messages ?? [] }
    }

    /// Adds a message in its place by time; one that is there already is left alone.
    func add(_ message: ChatMessage) {
        state.withLockedValue { state in
            state.clock += 1
            var room = state.rooms[message.room] ?? Room()
            room.lastUse = state.clock
            if !room.messages.contains(where: { $0.id == message.id }) {
                // Nearly always the end.
                let index = room.messages.lastIndex { $0.time <= message.time }.map { $0 + 1 } ?? 0
                room.messages.insert(message, at: index)
            }
            if room.messages.count > messagesPerRoom {
                room.messages.removeFirst(room.messages.count - messagesPerRoom)
            }
            state.rooms[message.room] = room
            if state.rooms.count > maxRooms, let oldest = state.rooms.min(by: { $0.value.lastUse < $1.value.lastUse }) {
                state.rooms[oldest.key] = nil
            }
        }
    }

    // MARK: Other servers

    /// Whether other servers have not been asked about a room yet; they have when this has returned true.
    func shouldAsk(about room: String) -> Bool {
        state.withLockedValue { state in
            // Bounded as the rooms are; asking again is cheap.
            if state.asked.count >= maxRooms { state.asked = [] }
            return state.asked.insert(room).inserted
        }
    }

    /// They may know of messages that never came here.
    func forgetAsked() {
        state.withLockedValue { $0.asked = [] }
    }
}
