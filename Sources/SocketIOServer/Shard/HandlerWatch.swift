// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import Logging
internal import NIOCore
internal import Synchronization

/// Notices handlers that hold an event loop too long without reading the clock for each event: the loop numbers the handlers that it
/// runs, and a ``HandlerInspector`` checks from time to time whether the number is still the same.
///
/// Only the loop writes the number, so it needs no atomic addition; other threads may read a number that is a moment old.
final class HandlerWatch: Sendable {
    /// Odd while a handler runs.
    private let step = Atomic<UInt64>(0)
    /// The step that was found to take too long.
    private let slow = Atomic<UInt64>(0)

    /// A handler begins, perhaps inside another one. On the loop.
    /// - Returns: what `end` is to be given.
    @inline(__always)
    func begin() -> UInt64 {
        let outer = step.load(ordering: .relaxed)
        step.store((outer | 1) &+ 2, ordering: .relaxed)
        return outer
    }

    /// The handler has returned. On the loop.
    /// - Returns: whether it was found to take too long.
    @inline(__always)
    func end(_ outer: UInt64) -> Bool {
        let current = step.load(ordering: .relaxed)
        step.store(current &+ 1 &+ (outer & 1), ordering: .relaxed)
        return slow.load(ordering: .relaxed) == current
    }

    /// The number of the handler that is running; even when none is. From any thread.
    var current: UInt64 { step.load(ordering: .relaxed) }

    /// Whether the handler that is running has been marked.
    var isMarked: Bool { slow.load(ordering: .relaxed) == current }

    /// Marks a handler that has run for too long. From any thread.
    func mark(_ slowStep: UInt64) { slow.store(slowStep, ordering: .relaxed) }
}

/// Looks at the loops of a server, in a task of its own.
struct HandlerInspector {
    private struct Seen {
        var step: UInt64 = 0
        var since = ContinuousClock.now
    }

    /// Between two looks; shorter for short limits.
    private let pause: Duration
    private let limit: Duration
    private var seen: [Seen]

    init(limit: Duration, loops: Int) {
        self.limit = limit
        self.pause = min(.milliseconds(50), limit / 4)
        self.seen = Array(repeating: Seen(), count: loops)
    }

    /// Looks until the task is cancelled.
    mutating func run(_ context: ServerContext) async {
        while !Task.isCancelled {
            look(at: context.shards, now: .now)
            try? await Task.sleep(for: pause)
        }
    }

    private mutating func look(at shards: [ShardContext], now: ContinuousClock.Instant) {
        for (index, shard) in shards.enumerated() {
            let step = shard.watch.current
            if step != seen[index].step {
                seen[index] = Seen(step: step, since: now)
            } else if step & 1 == 1, now - seen[index].since >= limit {
                shard.watch.mark(step)
            }
        }
    }
}

extension ServerContext {
    /// A handler has held its event loop longer than ``ServerConfiguration/slowHandlerWarning``: logged once for each event of
    /// a namespace, and no more than a thousand times.
    func handlerHeldLoop(_ event: String, namespace: String) {
        metrics.slowHandlers.increment()
        let isNews = slowHandlers.withLock { known in
            known.count < 1_000 && known.insert("\(namespace) \(event)").inserted
        }
        guard isNews else { return }
        let limit = TimeAmount(configuration.slowHandlerWarning ?? .zero)
        configuration.logger.warning(
            "A handler holds its event loop",
            metadata: [
                "nsp": "\(namespace)", "event": "\(event)", "longerThanMs": "\(limit.nanoseconds / 1_000_000)",
                "advice": "work that blocks or computes for long belongs elsewhere, see offLoop",
            ])
    }
}
