// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
package import SocketIOCore

/// The histories of all namespaces of one server, in its memory.
package final class MemoryRoomHistory: RoomHistory {
    private struct Key: Hashable {
        let namespace: ExactName
        let room: ExactName

        var bytes: Int { namespace.text.utf8.count + room.text.utf8.count }
    }

    /// A room in the list of rooms, from the one written to longest ago to the latest.
    private struct Entry {
        var log: RoomEventLog
        var limits: RoomHistoryLimits
        var older: Key?
        var newer: Key?
    }

    private struct Receiver {
        weak var receiver: (any RoomHistoryReceiver)?
    }

    private struct State {
        var rooms: [Key: Entry] = [:]
        var oldest: Key?
        var newest: Key?
        var bytes = 0
        var receivers: [ExactName: Receiver] = [:]
    }

    /// What a room needs beside its events and its name.
    private static let overhead = 512

    private let maxRooms: Int
    private let maxBytes: Int
    private let now: @Sendable () -> Int64
    private let refused: @Sendable (ClientLimit) -> Void
    private let state = NIOLockedValueBox(State())

    init(
        maxRooms: Int, maxBytes: Int, now: @escaping @Sendable () -> Int64 = { Int64(WallClock.milliseconds()) },
        refused: @escaping @Sendable (ClientLimit) -> Void = { _ in }
    ) {
        self.maxRooms = maxRooms
        self.maxBytes = maxBytes
        self.now = now
        self.refused = refused
    }

    /// For tests of other modules.
    package convenience init(maxRooms: Int, maxBytes: Int, clock: @escaping @Sendable () -> Int64) {
        self.init(maxRooms: maxRooms, maxBytes: maxBytes, now: clock)
    }

    /// The number of rooms and the bytes of memory.
    package var size: (rooms: Int, bytes: Int) { state.withLockedValue { ($0.rooms.count, $0.bytes) } }

    package func listen(in namespace: String, _ receiver: any RoomHistoryReceiver) {
        state.withLockedValue { state in
            state.receivers = state.receivers.filter { $0.value.receiver != nil }
            state.receivers[ExactName(namespace)] = Receiver(receiver: receiver)
        }
    }

    package func append(
        _ event: EventToKeep, to room: String, in namespace: String, _ limits: RoomHistoryLimits, seen: RoomPosition?
    ) async throws(SocketError) -> RoomPosition {
        let key = Key(namespace: ExactName(namespace), room: ExactName(room))
        let now = now()
        let (position, receiver, dropped) = state.withLockedValue { state in
            // The receiver is let go of outside the lock.
            let receiver = state.receivers[key.namespace]?.receiver
            var entry = Self.take(key, &state) ?? Self.new(limits)
            let before = entry.log.bytes
            entry.limits = limits
            let number = entry.log.append(event, now: now, limits)
            state.bytes += entry.log.bytes - before
            let position = RoomPosition(epoch: entry.log.epoch, number: number)
            Self.put(entry, key, &state)
            // Inside the lock, so that receivers hear of all events in the order of their numbers.
            receiver?.kept(LiveEvent(room: room, position: position, content: event))
            return (position, receiver, makeRoom(for: key, now: now, &state))
        }
        for limit in dropped { refused(limit) }
        _ = receiver
        return position
    }

    package func read(
        _ query: RoomQuery, of room: String, in namespace: String, count: Int, bytes: Int, _ limits: RoomHistoryLimits
    ) async throws(SocketError) -> RoomPage {
        let key = Key(namespace: ExactName(namespace), room: ExactName(room))
        let now = now()
        return state.withLockedValue { state in
            guard let index = state.rooms.index(forKey: key) else { return RoomPage() }
            Self.trim(index, now: now, limits, &state)
            return state.rooms.values[index].log.page(query, count: count, bytes: bytes)
        }
    }

    /// Drops events that are too old, also in rooms that nobody uses; a room without events keeps its numbers.
    func sweep() {
        let now = now()
        state.withLockedValue { state in
            var index = state.rooms.startIndex
            while index != state.rooms.endIndex {
                Self.trim(index, now: now, state.rooms.values[index].limits, &state)
                state.rooms.formIndex(after: &index)
            }
        }
    }

    /// Drops what exceeds the limits, in place: no room's events are copied.
    private static func trim(
        _ index: Dictionary<Key, Entry>.Index, now: Int64, _ limits: RoomHistoryLimits, _ state: inout State
    ) {
        state.bytes -= state.rooms.values[index].log.bytes
        state.rooms.values[index].log.trim(now: now, limits)
        state.bytes += state.rooms.values[index].log.bytes
    }

    // MARK: The list of rooms

    private static func new(_ limits: RoomHistoryLimits) -> Entry {
        var rng = SystemRandomNumberGenerator()
        return Entry(log: RoomEventLog(epoch: BootID(using: &rng)), limits: limits)
    }

    /// Takes a room out of the list.
    private static func take(_ key: Key, _ state: inout State) -> Entry? {
        guard var entry = state.rooms.removeValue(forKey: key) else { return nil }
        if let older = entry.older { state.rooms[older]?.newer = entry.newer } else { state.oldest = entry.newer }
        if let newer = entry.newer { state.rooms[newer]?.older = entry.older } else { state.newest = entry.older }
        (entry.older, entry.newer) = (nil, nil)
        state.bytes -= overhead + key.bytes
        return entry
    }

    /// Puts a room at the end of the list.
    private static func put(_ entry: Entry, _ key: Key, _ state: inout State) {
        var entry = entry
        entry.older = state.newest
        if let newest = state.newest { state.rooms[newest]?.newer = key } else { state.oldest = key }
        state.newest = key
        state.rooms[key] = entry
        state.bytes += overhead + key.bytes
    }

    /// Forgets rooms and events until the limits are met; never the newest event of a room that was just written to.
    private func makeRoom(for key: Key, now: Int64, _ state: inout State) -> [ClientLimit] {
        var limits: [ClientLimit] = []
        while state.rooms.count > maxRooms, let oldest = state.oldest, oldest != key {
            forget(oldest, &state)
            limits.append(.historyRooms)
        }
        while state.bytes > maxBytes, let oldest = state.oldest {
            if limits.last != .historyBytes { limits.append(.historyBytes) }
            let before = state.rooms[oldest]?.log.bytes ?? 0
            if oldest == key {
                guard let count = state.rooms[key]?.log.count, count > 1 else { break }
                state.rooms[key]?.log.dropOldest()
            } else if state.rooms[oldest]?.log.dropOldest() != true {
                forget(oldest, &state)
                continue
            }
            state.bytes += (state.rooms[oldest]?.log.bytes ?? 0) - before
        }
        return limits
    }

    private func forget(_ key: Key, _ state: inout State) {
        guard let entry = Self.take(key, &state) else { return }
        state.bytes -= entry.log.bytes
    }
}
