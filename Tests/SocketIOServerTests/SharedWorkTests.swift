// Part of socketio-server, MIT licence; see LICENSE.

import NIOConcurrencyHelpers
import SocketIOTesting
import Testing

@testable import SocketIOServer

@Suite("Work that many want is done once")
struct SharedWorkTests {
    private struct Failure: Error {}

    /// Work that waits until the test lets it go, and tells how often it was begun.
    private final class Gate: Sendable {
        private let state = NIOLockedValueBox((begun: 0, waiting: [CheckedContinuation<Void, Never>](), isOpen: false))

        var begun: Int { state.withLockedValue { $0.begun } }

        func work() async -> Int {
            let number = state.withLockedValue { state in
                state.begun += 1
                return state.begun
            }
            await withCheckedContinuation { continuation in
                let isOpen = state.withLockedValue { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
            return number
        }

        func open() {
            let waiting = state.withLockedValue { state in
                state.isOpen = true
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
    }

    @Test("a hundred callers while one is at work: one more run, begun after all of them")
    func once() async throws {
        let work = SharedWork<String, Int>()
        let gate = Gate()
        async let first = work.value(for: "a") { await gate.work() }
        try await eventually("begun") { gate.begun == 1 }
        let results = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<100 { group.addTask { try await work.value(for: "a") { await gate.work() } } }
            try await eventually("all wait") { work.waiting(for: "a") == 100 }
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        // Nobody gets what was begun before they asked.
        #expect(try await first == 1)
        #expect(results == Array(repeating: 2, count: 100))
        #expect(gate.begun == 2 && work.begun == 2 && work.count == 0)
    }

    @Test("others are not waited for, and a failure is everybody's")
    func keysAndFailures() async throws {
        let work = SharedWork<String, Int>()
        let gate = Gate()
        async let first = work.value(for: "a") { await gate.work() }
        try await eventually("begun") { gate.begun == 1 }
        #expect(try await work.value(for: "b") { 7 } == 7)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    do {
                        _ = try await work.value(for: "a") { throw Failure() }
                        return false
                    } catch {
                        return error is Failure
                    }
                }
            }
            try? await eventually("all wait") { work.waiting(for: "a") == 3 }
            gate.open()
            for await hasFailed in group { #expect(hasFailed) }
        }
        #expect(try await first == 1)
        #expect(work.count == 0 && work.begun == 3)
    }
}
