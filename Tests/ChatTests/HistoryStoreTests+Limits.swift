// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import NIOConcurrencyHelpers
import ProcessTesting
import Testing

@testable import Chat

/// The limits of messages, bytes, days and waiting writes.
extension HistoryStoreTests {
    @Test("messages of a room, in number and in bytes: at the limit and one over it", arguments: Kind.allCases)
    func roomLimits(kind: Kind) async throws {
        let size = message("m1").size
        for limits in [limits { $0.historyMessages = 3 }, limits { $0.historyRoomBytes = 3 * size }] {
            try await withStore(kind, limits) { store, _ in
                _ = try await store.create(room)
                for number in 1...3 { _ = try await store.append(message("m\(number)")) }
                #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.seq) == [1, 2, 3])
                _ = try await store.append(message("m4"))
                #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.seq) == [2, 3, 4])
                #expect(try await store.message(1, in: room.key) == nil)
                #expect(try await store.messages(in: room.key, after: 0, limit: 9).map(\.seq) == [2, 3, 4])
                // Lower limits while it runs.
                var lower = store
                lower.limits.historyMessages = 1
                try await store.trim(now: 10)
                #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.seq) == [4])
                #expect(try await store.append(message("m5")).seq == 5, "numbers are never used again")
            }
        }
    }

    @Test("bytes of all rooms: the room with the most bytes loses its oldest", arguments: Kind.allCases)
    func totalLimit(kind: Kind) async throws {
        let size = message("m1").size
        try await withStore(kind, limits { $0.historyBytes = 8 * size }) { store, _ in
            let other = ChatRoom(key: "c:lobby:b", title: "b", space: "lobby", owner: "", created: 1)
            _ = try await store.create(room)
            _ = try await store.create(other)
            for number in 1...2 { _ = try await store.append(message("m\(number)")) }
            for number in 1...6 { _ = try await store.append(message("m\(number)", in: other.key)) }
            #expect(try await store.messages(in: other.key, before: nil, limit: 9).count == 6)
            for number in 7...20 { _ = try await store.append(message("m\(number)", in: other.key)) }
            #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.seq) == [1, 2])
            #expect(try await store.messages(in: other.key, before: nil, limit: 9).map(\.seq) == Array(15...20))
            // Lower limits while it runs.
            var lower = store
            lower.limits.historyBytes = 4 * size
            try await store.trim(now: 10)
            let left = try await store.messages(in: room.key, before: nil, limit: 9).count
            #expect(try await store.messages(in: other.key, before: nil, limit: 9).count == 4 - left && left > 0)
            #expect(try await store.last(in: room.key) == 2)
        }
    }

    @Test("rooms that are filled in turns leave a short conversation alone", arguments: Kind.allCases)
    func manyFloods(kind: Kind) async throws {
        let size = message("m1").size
        try await withStore(kind, limits { $0.historyBytes = 40 * size }) { store, _ in
            _ = try await store.create(room)
            for number in 1...2 { _ = try await store.append(message("m\(number)")) }
            let rooms = (0..<10).map { "g:\($0)" }
            for key in rooms {
                _ = try await store.create(ChatRoom(key: key, title: "", space: "", owner: "eve", created: 1))
            }
            for number in 0..<200 {
                _ = try await store.append(message("m\(number)", from: "eve", in: rooms[number % 10]))
            }
            #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.seq) == [1, 2])
            var counts: [Int] = []
            for key in rooms { counts.append(try await store.messages(in: key, before: nil, limit: 99).count) }
            #expect(counts.reduce(0, +) == 38 && counts.allSatisfy { (2...8).contains($0) }, "\(counts)")
            // A new message that makes its room the greatest is not lost for it.
            let long = String(repeating: "x", count: 39 * size)
            _ = try await store.create(ChatRoom(key: "g:new", title: "", space: "", owner: "ada", created: 1))
            _ = try await store.append(message("m", long, in: "g:new"))
            #expect(try await store.messages(in: "g:new", before: nil, limit: 9).count == 1)
        }
    }

    @Test("messages that are too old go", arguments: Kind.allCases)
    func age(kind: Kind) async throws {
        let day: Int64 = 86_400_000
        try await withStore(kind, limits { $0.historyDays = 2 }) { store, _ in
            _ = try await store.create(room)
            for number in 1...4 { _ = try await store.append(message("m\(number)", at: Int64(number) * day)) }
            try await store.trim(now: 5 * day)
            #expect(try await store.messages(in: room.key, before: nil, limit: 9).map(\.seq) == [3, 4])
            try await store.trim(now: 50 * day)
            #expect(try await store.messages(in: room.key, before: nil, limit: 9).isEmpty)
            #expect(try await store.append(message("m5", at: 50 * day)).seq == 5)
        }
    }

    @Test("writes that wait are bounded in bytes: at the limit, and one byte more")
    func waitingBytes() async throws {
        let folder = "/tmp/sio-chat-\(UInt32.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try SQLiteStore(path: folder + "/chat.sqlite")
        let (started, goes) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let first = Task {
            try await store.write(bytes: 1) { _ in
                started.signal()
                goes.wait()
            }
        }
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                started.wait()
                continuation.resume()
            }
        }
        await #expect(throws: HistoryStoreError.away("too many writes wait")) {
            try await store.write(bytes: WriteBatches.maximumBytes) { _ in }
        }
        // Of two that need all that is left, one waits and the other is refused.
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    do {
                        try await store.write(bytes: WriteBatches.maximumBytes - 1) { _ in }
                        return true
                    } catch HistoryStoreError.away { return false }
                }
            }
            let refused = try await group.next()
            #expect(refused == false, "while the first transaction lasts, nothing is written")
            goes.signal()
            let written = try await group.next()
            #expect(written == true)
        }
        try await first.value
        try await store.write(bytes: WriteBatches.maximumBytes) { _ in }
        await store.close()
    }

    @Test("what a message costs a full store does not depend on the number of rooms")
    func manyRoomsInFullStore() {
        let size = message("m").size
        let ratio = ThreadCost.ratio(of: 10_000, to: 100) { count in
            let rooms = (0..<count).map {
                MemoryStore.Room(ChatRoom(key: "g:\($0)", title: "", space: "", owner: "", created: 1))
            }
            let state = MemoryStore.State(NIOLockedValueBox(limits { $0.historyBytes = count / 2 * size }))
            for number in 0..<40_000 {
                let room = rooms[number % count]
                room.last += 1
                var message = message("m")
                message.seq = room.last
                state.add(message, to: room)
            }
            let kept = state.roomsBySize.joined()
            #expect(state.bytes == count / 2 * size && kept.reduce(0) { $0 + $1.count } == count / 2)
            #expect(kept.allSatisfy { $0.bytes <= 3 * size })
        }
        #expect(ratio <= 10, "\(ratio) times")
    }

    @Test("what was removed takes no memory")
    func removedMessages() {
        let room = MemoryStore.Room(room)
        for number in 1...30 {
            var message = message("m\(number)", String(repeating: "x", count: 8_000))
            message.seq = Int64(number)
            room.last = message.seq
            room.add(message)
        }
        for number in 1...29 { #expect(room.removeFirst()?.seq == Int64(number)) }
        #expect(room.stored.reduce(0) { $0 + $1.text.utf8.count } == 8_000)
        #expect(room[30]?.seq == 30 && room[29] == nil)
        #expect(room.removeFirst()?.seq == 30)
        #expect(room.stored.isEmpty && room.messages.isEmpty && room.removeFirst() == nil)
    }
}
