// Part of socketio-server, MIT licence; see LICENSE.

internal import DequeModule
internal import HeapModule
internal import NIOConcurrencyHelpers
internal import SocketIOServer

// What the store keeps.
extension MemoryStore {
    /// A room with its messages.
    final class Room {
        let room: ChatRoom
        var members: NameDictionary<ChatMember> = [:]
        /// The messages, behind ``removed`` empty entries of messages that were removed.
        private(set) var stored: [ChatMessage] = []
        private var removed = 0
        var last: Int64 = 0
        var bytes = 0
        /// The value of ``MemoryStore/State/clock`` at the last message.
        var lastUse: UInt64 = 0
        /// Whether the room is in ``MemoryStore/State/roomsByUse``.
        var isQueued = false
        /// Numbers of the messages, by sender and id.
        var ids: NameDictionary<Int64> = [:]

        private static let emptyEntry = ChatMessage(room: "", seq: 0, id: "", from: "", name: "", text: "", time: 0)

        init(_ room: ChatRoom) { self.room = room }

        var messages: ArraySlice<ChatMessage> { stored[removed...] }
        var count: Int { stored.count - removed }

        subscript(seq: Int64) -> ChatMessage? {
            get { index(of: seq).map { stored[$0] } }
            set { if let index = index(of: seq), let newValue { stored[index] = newValue } }
        }

        private func index(of seq: Int64) -> Int? {
            guard let first = messages.first?.seq, seq >= first, seq <= last else { return nil }
            return removed + Int(seq - first)
        }

        func add(_ message: ChatMessage) { stored.append(message) }

        func removeFirst() -> ChatMessage? {
            guard let first = messages.first else { return nil }
            // Free the message now; its entry is removed later, together with others.
            stored[removed] = Self.emptyEntry
            removed += 1
            if removed == stored.count {
                stored = []
                removed = 0
            } else if removed > 1024, removed > stored.count / 2 {
                stored.removeFirst(removed)
                removed = 0
            }
            return first
        }
    }

    /// An entry of the queue: a room and the time of its last message when the entry was made.
    struct RoomUse: Comparable {
        let time: UInt64
        let room: Room

        init(_ room: Room) {
            time = room.lastUse
            self.room = room
        }

        static func < (left: RoomUse, right: RoomUse) -> Bool { left.time < right.time }
        static func == (left: RoomUse, right: RoomUse) -> Bool { left.time == right.time }
    }

    struct File {
        var file: ChatFile
        var owner: String
        var room: String?
        var bytes: [UInt8] = []
    }

    /// What the store has.
    final class State {
        var limits: ChatLimits { box.withLockedValue { $0 } }
        let box: NIOLockedValueBox<ChatLimits>
        var secret: String?
        var people: NameDictionary<ChatPerson> = [:]
        var names: NameDictionary<String> = [:]
        var skeletons: NameDictionary<String> = [:]
        /// People who have not settled; see ``HistoryStore/claim(_:skeleton:heldSince:)``.
        var newcomers: NameSet = []
        /// An entry for each newcomer; also entries of people who have settled or gone since they were added.
        var newcomersBySeen = Heap<NewcomerVisit>()
        var rooms: NameDictionary<Room> = [:]
        /// Every room with messages, once; also rooms that have lost theirs since they were added.
        var roomsByUse = Heap<RoomUse>()
        var spaces: NameDictionary<NameSet> = [:]
        /// How many rooms a person has made.
        var begun: NameDictionary<Int> = [:]
        var places: NameDictionary<NameSet> = [:]
        var files: NameDictionary<File> = [:]
        /// The ids of the files, the oldest first.
        var filesByAge: Deque<String> = []
        var bytes = 0
        var fileBytes = 0
        /// Counts up with each message of any room.
        var clock: UInt64 = 0

        init(_ box: NIOLockedValueBox<ChatLimits>) { self.box = box }

        /// How many rooms are in the queue.
        var queuedRooms: Int { roomsByUse.count }

        /// Puts a room into the queue, with the time of its last message.
        func enqueue(_ room: Room) {
            room.isQueued = true
            roomsByUse.insert(RoomUse(room))
        }

        /// Takes the first room from the queue.
        func dequeueOldest() -> RoomUse? {
            let oldest = roomsByUse.popMin()
            oldest?.room.isQueued = false
            return oldest
        }
    }
}
