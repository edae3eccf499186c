// Part of socketio-server, MIT licence; see LICENSE.

internal import Crypto
internal import DequeModule
internal import EngineIOServer
internal import SocketIOServer

/// Remembers the answers to requests with an `Idempotency-Key`, so that a request that is sent again, because its answer got
/// lost, is not carried out again. Of this node only, for ten minutes, and for the last 10,000 keys or 16 MiB of answers.
actor IdempotencyStore {
    static let longestKey = 128
    static let capacity = 10_000
    static let maximumBytes = 16 << 20
    static let lifetime = Duration.seconds(600)

    private struct Entry {
        let request: SHA256Digest
        let answer: Task<ApplicationResponse, Never>
        let began: ContinuousClock.Instant
        /// Of the answer, once it is there.
        var bytes = 0
    }

    private let now: @Sendable () -> ContinuousClock.Instant
    private var entries: NameDictionary<Entry> = [:]
    /// Oldest first.
    private var order: Deque<String> = []
    private var bytes = 0

    init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

    /// The answer to a request: that of `carryOut`, which is called once for each key.
    ///
    /// - Parameters:
    ///   - key: Whose key it is, and the key.
    ///   - request: Of path and body; the same key with another request is refused.
    /// - Returns: nil when the key belongs to another request.
    func answer(
        _ key: String, to request: SHA256Digest, _ carryOut: @escaping @Sendable () async -> ApplicationResponse
    ) async -> (answer: ApplicationResponse, isRepeated: Bool)? {
        forgetOld()
        if let entry = entries[key] {
            guard entry.request == request else { return nil }
            return (await entry.answer.value, true)
        }
        // Goes on when the client that asks leaves: it may come back and ask again.
        let task = Task { await carryOut() }
        entries[key] = Entry(request: request, answer: task, began: now())
        order.append(key)
        let answer = await task.value
        guard entries[key]?.answer == task else { return (answer, false) }
        if answer.status.code >= 500 {
            // What the server could not do now may be tried again with the same key.
            forget(key)
            order.removeAll { $0.hasSameBytes(as: key) }
        } else {
            entries[key]?.bytes = answer.body.readableBytes
            bytes += answer.body.readableBytes
        }
        return (answer, false)
    }

    /// How many keys are kept.
    var count: Int { entries.count }

    private func forgetOld() {
        let limit = now() - Self.lifetime
        while let oldest = order.first, let entry = entries[oldest],
            entry.began < limit || order.count >= Self.capacity || bytes > Self.maximumBytes
        {
            order.removeFirst()
            forget(oldest)
        }
    }

    private func forget(_ key: String) {
        bytes -= entries.removeValue(forKey: key)?.bytes ?? 0
    }
}
