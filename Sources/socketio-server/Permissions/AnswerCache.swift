// Part of socketio-server, MIT licence; see LICENSE.

internal import Crypto
internal import DequeModule
internal import SocketIOCore
internal import SocketIOServer

/// Remembers the answers of permission callbacks for a while, and asks once where several clients wait for the same answer.
/// Failures are not remembered.
actor AnswerCache {
    private struct Entry {
        let answer: PermissionCallback.Answer
        let key: SHA256Digest
        let end: ContinuousClock.Instant
        let bytes: Int
    }

    /// Of an entry, besides what it holds.
    private static let overhead = 256

    private let lifetime: Duration
    private let maximumBytes: Int
    private let maximumWaiting: Int
    private let now: @Sendable () -> ContinuousClock.Instant
    private var entries: [SHA256Digest: Entry] = [:]
    private var running: [SHA256Digest: Task<PermissionCallback.Answer, any Error>] = [:]
    /// Oldest first.
    private var order: Deque<SHA256Digest> = []
    private(set) var bytes = 0
    private(set) var waiting = 0

    init(
        lifetime: Duration, maximumBytes: Int, maximumWaiting: Int,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.lifetime = lifetime
        self.maximumBytes = maximumBytes
        self.maximumWaiting = maximumWaiting
        self.now = now
    }

    /// How many answers are kept.
    var count: Int { entries.count }

    /// The answer to a question, from the cache or from `ask`.
    ///
    /// - Throws: `PermissionCallback.Failure.busy` when too many wait, or what `ask` throws.
    func answer(
        to question: String, _ ask: @escaping @Sendable () async throws -> PermissionCallback.Answer
    ) async throws -> (answer: PermissionCallback.Answer, isCached: Bool) {
        let key = SHA256.hash(data: Array(question.utf8))
        forgetOld()
        if let entry = entries[key] { return (entry.answer, true) }
        guard waiting < maximumWaiting else { throw PermissionCallback.Failure.busy }
        waiting += 1
        defer { waiting -= 1 }
        if let task = running[key] { return (try await task.value, true) }
        // Goes on when the client that asks leaves: another may wait for the same answer.
        let task = Task { try await ask() }
        running[key] = task
        defer { running[key] = nil }
        let answer = try await task.value
        keep(answer, key)
        return (answer, false)
    }

    private func keep(_ answer: PermissionCallback.Answer, _ key: SHA256Digest) {
        guard lifetime > .zero, entries[key] == nil else { return }
        let size = Self.overhead + answer.size
        guard size <= maximumBytes else { return }
        entries[key] = Entry(answer: answer, key: key, end: now() + lifetime, bytes: size)
        order.append(key)
        bytes += size
        while bytes > maximumBytes, let oldest = order.first { forget(oldest) }
    }

    private func forgetOld() {
        let now = now()
        while let oldest = order.first, let entry = entries[oldest], entry.end <= now { forget(oldest) }
    }

    /// Forgets the oldest one.
    private func forget(_ oldest: SHA256Digest) {
        order.removeFirst()
        bytes -= entries.removeValue(forKey: oldest)?.bytes ?? 0
    }
}

extension PermissionCallback.Answer {
    /// About as many bytes as it takes in memory, which can be many times its JSON.
    fileprivate var size: Int {
        let values = (claims?.memoryBytes ?? 0) + (data?.memoryBytes ?? 0)
        return (message?.utf8.count ?? 0) + values + rooms.reduce(0) { $0 + $1.utf8.count + 64 }
    }
}
