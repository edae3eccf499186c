// Part of socketio-server, MIT licence; see LICENSE.

import Testing

@testable import Chat

/// Files, which arrive in pieces.
extension HistoryStoreTests {
    @Test("files come in pieces, belong to their owner, and are read in one room", arguments: Kind.allCases)
    func files(kind: Kind) async throws {
        try await withStore(kind, limits { $0.filesBytes = 2 * 4_096 + 10 }) { store, _ in
            let file = ChatFile(id: "f", name: "a.png", type: "image/png", size: 6)
            #expect(try await store.begin(file, owner: "ada", now: 1) == 0)
            #expect(try await store.append([1, 2, 3], at: 0, to: "f", owner: "ada") == 3)
            #expect(try await store.append([9], at: 0, to: "f", owner: "ada") == 3, "a repeated piece does nothing")
            #expect(try await store.append([4, 5, 6, 7], at: 3, to: "f", owner: "ada") == 3, "nor does one too long")
            #expect(try await store.begin(file, owner: "ada", now: 2) == 3, "to go on with")
            #expect(try await store.attach("f", owner: "ada", to: "c:lobby:a") == nil, "not complete")
            #expect(try await store.append([4, 5, 6], at: 3, to: "f", owner: "ada") == 6)
            await #expect(throws: HistoryStoreError.refused) { try await store.begin(file, owner: "eve", now: 1) }
            await #expect(throws: HistoryStoreError.refused) {
                try await store.append([1], at: 6, to: "f", owner: "eve")
            }
            #expect(try await store.attach("f", owner: "eve", to: "c:lobby:a") == nil)
            #expect(try await store.read("f", in: "c:lobby:a", at: 0, count: 9) == nil, "in no room yet")
            #expect(try await store.attach("f", owner: "ada", to: "c:lobby:a") == file)
            #expect(try await store.attach("f", owner: "ada", to: "c:lobby:b") == nil)
            #expect(try await store.read("f", in: "c:lobby:a", at: 2, count: 3) == [3, 4, 5])
            #expect(try await store.read("f", in: "c:lobby:a", at: 6, count: 3) == [])
            #expect(try await store.read("f", in: "c:lobby:b", at: 0, count: 3) == nil)
            // The oldest file goes when there are too many bytes.
            let next = ChatFile(id: "g", name: "b", type: "text/plain", size: 5)
            _ = try await store.begin(next, owner: "ada", now: 3)
            #expect(try await store.append([1, 2, 3, 4], at: 0, to: "g", owner: "ada") == 4)
            #expect(try await store.read("f", in: "c:lobby:a", at: 0, count: 1) == [1])
            #expect(try await store.append([5], at: 4, to: "g", owner: "ada") == 5)
            #expect(try await store.read("f", in: "c:lobby:a", at: 0, count: 1) == nil)
        }
    }

    @Test("files that are only announced count as well, and the oldest go", arguments: Kind.allCases)
    func announcedFiles(kind: Kind) async throws {
        try await withStore(kind, limits { $0.filesBytes = 3 * 4_096 + 2 }) { store, again in
            func begin(_ number: Int) async throws -> Int {
                let file = ChatFile(id: "f\(number)", name: "a", type: "text/plain", size: 9)
                return try await store.begin(file, owner: "ada", now: Int64(number))
            }
            for number in 1...3 { #expect(try await begin(number) == 0) }
            #expect(try await store.append([1, 2], at: 0, to: "f1", owner: "ada") == 2)
            #expect(try await begin(1) == 2, "three are within the limit")
            #expect(try await begin(4) == 0)
            await #expect(throws: HistoryStoreError.refused) {
                try await store.append([1], at: 0, to: "f1", owner: "ada")
            }
            for number in 2...4 {
                #expect(try await store.append([], at: 0, to: "f\(number)", owner: "ada") == 0, "f\(number) is there")
            }
            // A server that opens the store counts the same.
            let other = try await again()
            let file = ChatFile(id: "f5", name: "a", type: "text/plain", size: 9)
            #expect(try await other.begin(file, owner: "ada", now: 5) == 0)
            await #expect(throws: HistoryStoreError.refused) {
                try await other.append([1], at: 0, to: "f2", owner: "ada")
            }
            #expect(try await other.append([1], at: 0, to: "f3", owner: "ada") == 1)
            if kind != .memory { await other.close() }
        }
    }
}
