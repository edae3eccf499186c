// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import HiredisNIO
import Logging
import NIOCore
import NIOPosix
import ProcessTesting
import Testing

@testable import Chat

/// The contract of ``HistoryStore``, for every store.
@Suite("What the chat keeps")
struct HistoryStoreTests {
    enum Kind: String, CaseIterable, Sendable {
        case memory, sqlite, redis
    }

    /// A store, what it stands on, and how to open it once more.
    func withStore(
        _ kind: Kind, _ limits: ChatLimits = ChatLimits(),
        _ body: (any HistoryStore, _ again: () async throws -> any HistoryStore) async throws -> Void
    ) async throws {
        switch kind {
        case .memory:
            let store = MemoryStore(limits: limits)
            try await body(store) { store }
        case .sqlite:
            let folder = "/tmp/sio-chat-\(UInt32.random(in: 0 ... .max))"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let store = try SQLiteStore(path: folder + "/chat.sqlite", limits: limits)
            try await body(store) { try SQLiteStore(path: folder + "/chat.sqlite", limits: limits) }
            await store.close()
        case .redis:
            let server = try await RedisServer.started()
            let configuration = try RedisConfiguration(url: server.url)
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            func open() -> RedisStore {
                RedisStore(
                    configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                    logger: logger, prefix: "test:", limits: limits)
            }
            let store = open()
            try await body(store) { open() }
            await store.close()
        }
    }

    let room = ChatRoom(key: "c:lobby:a", title: "a", space: "lobby", owner: "ada", created: 1)

    func message(
        _ id: String, _ text: String = "x", from: String = "ada", in room: String = "c:lobby:a", at time: Int64 = 5
    ) -> ChatMessage {
        ChatMessage(room: room, seq: 0, id: id, from: from, name: from, text: text, time: time)
    }

    func limits(_ change: (inout ChatLimits) -> Void) -> ChatLimits {
        var limits = ChatLimits()
        change(&limits)
        return limits
    }

    @Test("messages have numbers in the order they were stored, each once", arguments: Kind.allCases)
    func order(kind: Kind) async throws {
        try await withStore(kind) { store, again in
            _ = try await store.create(room)
            for number in 1...5 {
                let stored = try await store.append(message("m\(number)", "text \(number)", at: Int64(10 - number)))
                #expect(stored.seq == Int64(number))
            }
            // A repeated message is the stored one, whatever it says now; the same id of somebody else is another one.
            let repeated = try await store.append(message("m2", "changed"))
            #expect(repeated.seq == 2 && repeated.text == "text 2")
            #expect(try await store.append(message("m2", from: "bob")).seq == 6)
            let other = try await again()
            #expect(try await other.messages(in: room.key, before: nil, limit: 10).map(\.seq) == [1, 2, 3, 4, 5, 6])
            #expect(try await other.messages(in: room.key, before: 5, limit: 2).map(\.seq) == [3, 4])
            #expect(try await other.messages(in: room.key, before: 1, limit: 2).isEmpty)
            #expect(try await other.messages(in: room.key, after: 2, limit: 2).map(\.seq) == [3, 4])
            #expect(try await other.messages(in: room.key, after: 6, limit: 2).isEmpty)
            #expect(try await other.message(3, in: room.key)?.text == "text 3")
            #expect(try await other.message(7, in: room.key) == nil)
            #expect(try await other.last(in: room.key) == 6)
            #expect(try await other.messages(in: "c:lobby:b", before: nil, limit: 10).isEmpty)
            await #expect(throws: HistoryStoreError.refused) { try await other.append(message("m", in: "c:lobby:b")) }
            if kind != .memory { await other.close() }
        }
    }

    @Test("writers at the same time get one order without gaps", arguments: Kind.allCases)
    func concurrency(kind: Kind) async throws {
        try await withStore(kind) { store, _ in
            _ = try await store.create(room)
            let numbers = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<200 { group.addTask { try await store.append(message("m\(number % 150)")).seq } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(numbers.max() == 150)
            #expect(try await store.messages(in: room.key, after: 0, limit: 500).map(\.seq) == Array(1...150))
        }
    }

    func keysOf(_ places: [ChatPlace]) -> [String] { places.map(\.room.key).sorted() }

    func group(_ name: String, owner: String = "ada", at time: Int64) -> ChatRoom {
        ChatRoom(key: "g:\(name)", title: "", space: "", owner: owner, created: time)
    }
}

extension ChatRoom {
    func with(owner: String) -> ChatRoom {
        ChatRoom(key: key, title: title, space: space, owner: owner, created: created)
    }
}
