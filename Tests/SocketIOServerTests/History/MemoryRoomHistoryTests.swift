// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Gives other threads time to overtake the first event.
private final class SlowReceiver: RoomHistoryReceiver {
    let numbers = Recorder<UInt64>()

    func wants(_ room: String) -> Bool { true }

    func kept(_ event: LiveEvent) {
        let clock = ContinuousClock()
        let deadline = clock.now + .milliseconds(200)
        while event.position.number == 1, numbers.count == 0, clock.now < deadline {}
        numbers.append(event.position.number)
    }

    func resumed() {}
}

@Suite("The histories of all rooms in memory")
struct MemoryRoomHistoryTests {
    private let content = EventToKeep(
        event: "e", data: EncodedArguments(json: ByteBuffer(string: #"["e"]"#), attachments: []))
    private let limits = RoomHistoryLimits()

    @Test("One room over the limit: the one that was not written to for the longest time is forgotten")
    func rooms() async throws {
        let refused = Recorder<ClientLimit>()
        let history = MemoryRoomHistory(maxRooms: 3, maxBytes: 1 << 20, now: { 0 }, refused: { refused.append($0) })
        for room in ["a", "b", "c", "a"] { _ = try await history.append(content, to: room, in: "/", limits, seen: nil) }
        #expect(history.size.rooms == 3 && refused.all.isEmpty)
        _ = try await history.append(content, to: "d", in: "/", limits, seen: nil)
        #expect(refused.all == [.historyRooms])
        for (room, last) in [("a", 2), ("b", 0), ("c", 1), ("d", 1)] as [(String, UInt64)] {
            #expect(try await page(history, room).last == last)
        }
    }

    @Test("One event over the bytes of all rooms: the oldest events of the room written to longest ago are dropped")
    func bytes() async throws {
        let refused = Recorder<ClientLimit>()
        let one = MemoryRoomHistory(maxRooms: 10, maxBytes: 1 << 20, now: { 0 })
        _ = try await one.append(content, to: "a", in: "/", limits, seen: nil)
        let room = one.size.bytes
        _ = try await one.append(content, to: "a", in: "/", limits, seen: nil)
        let event = one.size.bytes - room
        let history = MemoryRoomHistory(
            maxRooms: 10, maxBytes: 2 * room + 2 * event, now: { 0 }, refused: { refused.append($0) })
        for name in ["a", "a", "b", "b"] { _ = try await history.append(content, to: name, in: "/", limits, seen: nil) }
        #expect(refused.all.isEmpty && history.size.bytes == 2 * room + 2 * event)
        _ = try await history.append(content, to: "b", in: "/", limits, seen: nil)
        #expect(refused.all == [.historyBytes] && history.size.bytes == 2 * room + 2 * event)
        #expect(try await page(history, "a").first == 2)
        #expect(try await page(history, "b").events.count == 3)
        // A single room drops its own events; the newest one stays.
        for _ in 1...100 { _ = try await history.append(content, to: "b", in: "/", limits, seen: nil) }
        #expect(history.size.bytes <= 2 * room + 2 * event)
        #expect(try await page(history, "b").last == 103)
        #expect(history.size.rooms == 1)
    }

    @Test("Events that are too old are dropped when nobody uses the room, too")
    func age() async throws {
        let time = Recorder<Int64>()
        time.append(0)
        let history = MemoryRoomHistory(maxRooms: 10, maxBytes: 1 << 20, now: { time.all.last ?? 0 })
        let limits = RoomHistoryLimits(maxAge: .seconds(5))
        _ = try await history.append(content, to: "a", in: "/", limits, seen: nil)
        let before = history.size.bytes
        time.append(5_000)
        history.sweep()
        #expect(history.size.bytes == before)
        time.append(5_001)
        history.sweep()
        #expect(history.size.bytes < before)
        let page = try await history.read(.after(0), of: "a", in: "/", count: 9, bytes: 99, limits)
        #expect(page.events.isEmpty && page.last == 1)
    }

    @Test("Receivers hear of events in the order of their numbers, however many threads keep them")
    func order() async throws {
        let history = MemoryRoomHistory(maxRooms: 10, maxBytes: 1 << 20, now: { 0 })
        let receiver = SlowReceiver()
        history.listen(in: "/", receiver)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...8 {
                group.addTask { _ = try await history.append(content, to: "a", in: "/", limits, seen: nil) }
            }
            try await group.waitForAll()
        }
        #expect(receiver.numbers.all == Array(1...8))
    }

    private func page(_ history: MemoryRoomHistory, _ room: String) async throws -> RoomPage {
        try await history.read(.after(0), of: room, in: "/", count: 1_000, bytes: 1 << 20, limits)
    }
}
