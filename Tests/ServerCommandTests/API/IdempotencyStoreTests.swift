// Part of socketio-server, MIT licence; see LICENSE.

internal import Crypto
internal import EngineIOServer
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Synchronization
internal import Testing

@testable internal import socketio_server

@Suite struct IdempotencyStoreTests {
    private final class Clock: Sendable {
        let offset = Mutex(Duration.zero)
        let start = ContinuousClock.now
    }

    private static func digest(_ text: String) -> SHA256Digest { SHA256.hash(data: Array(text.utf8)) }

    private static func ask(
        _ store: IdempotencyStore, _ key: String, status: UInt = 200, bytes: Int = 2
    ) async -> (calls: Int, isRepeated: Bool?) {
        let calls = Mutex(0)
        let found = await store.answer(key, to: digest(key)) {
            calls.withLock { $0 += 1 }
            return ApplicationResponse(
                status: .init(statusCode: Int(status)), body: ByteBuffer(repeating: 0x20, count: bytes))
        }
        return (calls.withLock { $0 }, found?.isRepeated)
    }

    @Test func aKeyIsForgottenAfterItsTime() async {
        let clock = Clock()
        let store = IdempotencyStore { clock.start + clock.offset.withLock { $0 } }
        #expect(await Self.ask(store, "a") == (1, false))
        clock.offset.withLock { $0 = IdempotencyStore.lifetime }
        #expect(await Self.ask(store, "a") == (0, true))
        clock.offset.withLock { $0 = IdempotencyStore.lifetime + .nanoseconds(1) }
        #expect(await Self.ask(store, "a") == (1, false))
    }

    @Test func theOldestGoFirst() async {
        let store = IdempotencyStore()
        for number in 0..<IdempotencyStore.capacity { _ = await Self.ask(store, "\(number)") }
        #expect(await store.count == IdempotencyStore.capacity)
        #expect(await Self.ask(store, "1") == (0, true))
        _ = await Self.ask(store, "one more")
        #expect(await store.count == IdempotencyStore.capacity)
        #expect(await Self.ask(store, "0") == (1, false))
    }

    @Test func largeAnswersAreBoundedInSum() async {
        let store = IdempotencyStore()
        let quarter = IdempotencyStore.maximumBytes / 4
        for number in 0..<5 { _ = await Self.ask(store, "\(number)", bytes: quarter) }
        #expect(await store.count == 5)
        _ = await Self.ask(store, "5", bytes: quarter)
        #expect(await store.count == 5)
        #expect(await Self.ask(store, "0").calls == 1)
    }

    @Test func whatFailedMayBeTriedAgain() async {
        let store = IdempotencyStore()
        #expect(await Self.ask(store, "a", status: 503) == (1, false))
        #expect(await Self.ask(store, "a") == (1, false))
        #expect(await Self.ask(store, "a") == (0, true))
    }

    @Test func requestsAtTheSameTimeAreOne() async {
        let store = IdempotencyStore()
        let calls = NIOLockedValueBox(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    _ = await store.answer("key", to: Self.digest("key")) {
                        calls.withLockedValue { $0 += 1 }
                        try? await Task.sleep(for: .milliseconds(1))
                        return .text("once")
                    }
                }
            }
        }
        #expect(calls.withLockedValue { $0 } == 1)
    }
}
