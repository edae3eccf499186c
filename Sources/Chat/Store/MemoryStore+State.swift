// Part of socketio-server, MIT licence; see LICENSE.

internal import DequeModule
internal import NIOConcurrencyHelpers
internal import SocketIOServer

// What the store keeps.
extension MemoryStore {
    /// A room with its messages.
    final class Room {
        let room: ChatRoom
        var members: NameDictionary<ChatMember> = [:]
        /// With those that are removed but still take a place, ``removed`` of them at the beginning.
        private(set) var stored: [ChatMessage] = []
        private var removed = 0
        var last: Int64 = 0
        var bytes = 0
        /// Counts up with each message of any room.
        var use: UInt64 = 0
        /// Numbers of the messages, by sender and id.
        var ids: NameDictionary<Int64> = [:]

        private static let gone = ChatMessage(room: "", seq: 0, id: "", from: "", name: "", text: "", time: 0)

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
            // What it holds goes at once, its place later.
            stored[removed] = Self.gone
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
        var rooms: NameDictionary<Room> = [:]
        var spaces: NameDictionary<NameSet> = [:]
        var places: NameDictionary<NameSet> = [:]
        var files: NameDictionary<File> = [:]
        /// The ids of the files, the oldest first.
        var filesByAge: Deque<String> = []
        var bytes = 0
        var fileBytes = 0
        var clock: UInt64 = 0

        init(_ box: NIOLockedValueBox<ChatLimits>) { self.box = box }
    }
}
