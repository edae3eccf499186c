// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer
internal import SocketIOTesting
internal import Synchronization
internal import Testing

@testable internal import socketio_server

@Suite struct AnswerCacheTests {
    private final class Clock: Sendable {
        private let value = Mutex(ContinuousClock.now)
        var now: ContinuousClock.Instant { value.withLock { $0 } }
        func advance(_ duration: Duration) { value.withLock { $0 += duration } }
    }

    private final class Calls: Sendable {
        private let value = Mutex(0)
        var number: Int { value.withLock { $0 } }
        func count() { value.withLock { $0 += 1 } }
    }

    private static func cache(_ clock: Clock, bytes: Int = 65_536, waiting: Int = 100) -> AnswerCache {
        AnswerCache(lifetime: .seconds(10), maximumBytes: bytes, maximumWaiting: waiting) { clock.now }
    }

    @Test func anAnswerHoldsForItsTime() async throws {
        let clock = Clock()
        let cache = Self.cache(clock)
        let calls = Mutex(0)
        func ask(_ question: String) async throws -> Bool {
            try await cache.answer(to: question) {
                calls.withLock { $0 += 1 }
                return PermissionCallback.Answer(isAllowed: true)
            }.isCached
        }
        #expect(try await !ask("a"))
        clock.advance(.seconds(9))
        #expect(try await ask("a"))
        #expect(try await !ask("b"))
        clock.advance(.seconds(1))
        #expect(try await !ask("a"))
        #expect(try await ask("b"))
        #expect(calls.withLock { $0 } == 3)
        #expect(await cache.count == 2)
    }

    @Test func failuresAreNotKept() async throws {
        let cache = Self.cache(Clock())
        await #expect(throws: PermissionCallback.Failure.self) {
            try await cache.answer(to: "a") { throw PermissionCallback.Failure.failed("x") }
        }
        #expect(try await !cache.answer(to: "a") { .init(isAllowed: false) }.isCached)
        #expect(await cache.waiting == 0)
    }

    @Test func memoryIsBounded() async throws {
        let cache = Self.cache(Clock(), bytes: 10_000)
        for number in 0..<100 {
            _ = try await cache.answer(to: "\(number)") {
                .init(isAllowed: true, claims: ["x": .string(String(repeating: "y", count: 1_000))])
            }
            #expect(await cache.bytes <= 10_000)
        }
        #expect(await (4...9).contains(cache.count))
        // The youngest are kept, and what is larger than all of it is not.
        #expect(try await cache.answer(to: "99") { .init(isAllowed: false) }.isCached)
        _ = try await cache.answer(to: "big") { .init(isAllowed: true, message: String(repeating: "z", count: 20_000)) }
        #expect(try await cache.answer(to: "99") { .init(isAllowed: false) }.isCached)
        #expect(try await !cache.answer(to: "big") { .init(isAllowed: true) }.isCached)
    }

    /// A list of nulls needs several times the memory of its text.
    @Test func theMemoryOfValuesIsCounted() async throws {
        let answer = PermissionCallback.Answer(
            isAllowed: true, claims: ["x": .array(Array(repeating: .null, count: 10_000))])
        let large = Self.cache(Clock(), bytes: 1 << 20)
        _ = try await large.answer(to: "a") { answer }
        let needed = await large.bytes
        #expect(needed >= 10_000 * MemoryLayout<SocketValue>.stride)
        for (bytes, isKept) in [(needed, true), (needed - 1, false)] {
            let cache = Self.cache(Clock(), bytes: bytes)
            _ = try await cache.answer(to: "a") { answer }
            #expect(await cache.bytes == (isKept ? needed : 0))
            #expect(try await cache.answer(to: "a") { answer }.isCached == isKept)
        }
    }

    @Test func theSameQuestionIsAskedOnceAndWaitingIsBounded() async throws {
        let cache = Self.cache(Clock(), waiting: 3)
        let (gate, open) = AsyncStream<Void>.makeStream()
        let calls = Calls()
        @Sendable func ask() async throws -> Bool {
            try await cache.answer(to: "a") {
                calls.count()
                for await _ in gate { break }
                return .init(isAllowed: true)
            }.answer.isAllowed
        }
        let tasks = (0..<3).map { _ in Task { try await ask() } }
        try await eventually("all wait") { await cache.waiting == 3 }
        do {
            _ = try await ask()
            Issue.record("a fourth one waits")
        } catch PermissionCallback.Failure.busy {}
        open.yield()
        for task in tasks { #expect(try await task.value) }
        #expect(calls.number == 1)
        #expect(await cache.waiting == 0)
        #expect(try await cache.answer(to: "a") { .init(isAllowed: false) }.isCached)
    }
}
