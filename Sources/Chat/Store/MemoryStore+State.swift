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
        /// Where the room is in ``MemoryStore/State/roomsBySize``; nil while it has no messages.
        var place: (size: Int, index: Int)?
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
        /// The rooms with messages, by the number of bits of ``Room/bytes``: rooms beside each other differ by less than a
        /// factor of two.
        var roomsBySize = [[Room]](repeating: [], count: Int.bitWidth)
        /// Counts the messages that were removed for the limit of all rooms.
        var turn: UInt = 0
        /// An entry for each unused room; also entries of rooms that have been used or removed since they were added.
        var unusedByAge = Heap<UnusedRoom>()
        var spaces: NameDictionary<NameSet> = [:]
        /// How many rooms a person has made.
        var begun: NameDictionary<Int> = [:]
        /// The rooms of a person, without those that they were sent away from.
        var places: NameDictionary<NameSet> = [:]
        var files: NameDictionary<File> = [:]
        /// The ids of the files, the oldest first.
        var filesByAge: Deque<String> = []
        var bytes = 0
        var fileBytes = 0

        init(_ box: NIOLockedValueBox<ChatLimits>) { self.box = box }
    }
}
