// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import NIOConcurrencyHelpers
package import NIOCore
internal import Synchronization

/// Work that comes to an event loop from other threads, done in the order of its arrival: the home of everything that lives
/// on a shard.
///
/// A caller who leaves work here and then has something done on the loop itself, in whatever way, finds the work done: the loop's
/// own task for it has been queued before ``run(_:)`` returns.
package final class ShardInbox: LoopHome {
    private struct PendingWork {
        var work: [@Sendable () -> Void] = []
        /// Counts how often the work has been taken.
        var round: UInt64 = 1
    }

    /// What came from the inbox, and how much of it was begun.
    private final class TakenWork {
        var items: [@Sendable () -> Void] = []
        var next = 0
    }

    package let eventLoop: any EventLoop
    private let inbox = NIOLockedValueBox(PendingWork())
    /// The round for which a task has been queued on the loop. It is set after the task was queued, so a caller that reads the
    /// current round here queues no other task. A caller that comes in between queues a second task, which finds nothing to do.
    private let scheduled = Atomic<UInt64>(0)
    /// Whether the inbox holds work; spares the lock where there is none.
    private let hasWork = Atomic(false)
    private let taken: LoopBound<TakenWork>

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.taken = LoopBound(TakenWork(), on: eventLoop)
    }

    /// Runs `work` on the loop: at once when called there, else queued behind earlier work and run within the loop's next
    /// tick, all that has gathered in one go.
    package func run(_ work: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { return work() }
        schedule(add(work))
    }

    /// Queues `work` in its turn and lets the loop sleep on. Returns whether somebody has to ``wake()`` it.
    func leave(_ work: @escaping @Sendable () -> Void) -> Bool {
        add(work) != scheduled.load(ordering: .acquiring)
    }

    /// Has what was left here done, unless that has happened since.
    func wake() {
        let round = inbox.withLockedValue { $0.work.isEmpty ? nil : $0.round }
        if let round { schedule(round) }
    }

    private func add(_ work: @escaping @Sendable () -> Void) -> UInt64 {
        inbox.withLockedValue { inbox in
            inbox.work.append(work)
            hasWork.store(true, ordering: .releasing)
            return inbox.round
        }
    }

    private func schedule(_ round: UInt64) {
        guard scheduled.load(ordering: .acquiring) != round else { return }
        eventLoop.execute { self.empty() }
        scheduled.store(round, ordering: .releasing)
    }

    /// Does what others have asked for so far, before what a client has sent is looked at. A loop that woke up late may
    /// find both: the client may have acted on what it saw elsewhere, such as leaving a room after a broadcast that is
    /// still waiting here.
    func catchUp() {
        eventLoop.assertInEventLoop()
        if hasWork.load(ordering: .acquiring) { empty() }
    }

    /// What is done may call `catchUp`, and then comes back here: the order stays that of arrival.
    private func empty() {
        taken.runIfHere { taken in
            let work = inbox.withLockedValue { inbox in
                inbox.round &+= 1
                hasWork.store(false, ordering: .relaxed)
                return exchange(&inbox.work, with: [])
            }
            if taken.items.isEmpty { taken.items = work } else { taken.items.append(contentsOf: work) }
            while taken.next < taken.items.count {
                let item = taken.items[taken.next]
                taken.next += 1
                item()
            }
            taken.items = []
            taken.next = 0
        }
    }
}
