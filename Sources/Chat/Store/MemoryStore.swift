// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// Keeps everything in this process, until it ends. For one server, and for tests.
public actor MemoryStore: HistoryStore {
    let state: State
    private let box: NIOLockedValueBox<ChatLimits>

    /// An empty store.
    public init(limits: ChatLimits = ChatLimits()) {
        box = NIOLockedValueBox(limits)
        state = State(box)
    }

    /// The limits in force.
    public nonisolated var limits: ChatLimits {
        get { box.withLockedValue { $0 } }
        set { box.withLockedValue { $0 = newValue } }
    }

    /// The number of bytes of the kept messages, and of their rooms.
    var size: (bytes: Int, rooms: Int) { (state.bytes, state.rooms.count) }

    /// See ``HistoryStore/secret(_:)``.
    public func secret(_ candidate: String) async throws -> String {
        let secret = state.secret ?? candidate
        state.secret = secret
        return secret
    }

    /// See ``HistoryStore/trim(now:)``.
    public func trim(now: Int64) async throws {
        let limits = state.limits
        let oldest = limits.historyDays == 0 ? 0 : now - Int64(limits.historyDays) * 86_400_000
        for room in state.rooms.values {
            while let first = room.messages.first, first.time < oldest { state.removeOldest(of: room) }
            state.trim(room)
        }
        state.trimAll()
        state.trimFiles(except: nil)
        state.removeUnusedRooms(createdBefore: now - limits.nameHoldMilliseconds)
        state.forgetNewcomers(seenBefore: now - limits.nameHoldMilliseconds)
    }

    /// See ``HistoryStore/close()``.
    public func close() async {}
}
