// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Synchronization

/// Work that comes to an event loop from other threads, done in the order of its arrival.
///
/// A caller who leaves work here and then has something done on the loop itself, in whatever way, finds the work done: the loop's
/// own task for it has been queued before ``run(_:)`` returns.
///
/// What is marked is confined to the loop, the rest behind a lock or atomic: the reason for `@unchecked Sendable`.
final class ShardInbox: @unchecked Sendable {
    private struct Arrivals {
        var work: [@Sendable () -> Void] = []
        /// Counts how often the work has been taken.
        var round: UInt64 = 1
    }

    private let eventLoop: any EventLoop
    private let inbox = NIOLockedValueBox(Arrivals())
    /// The round for which the loop has been given a task. Set after that, so whoever finds it there need not give it another;
    /// callers who come in between give it one too many, which finds nothing to do.
    private let scheduled = Atomic<UInt64>(0)
    /// Whether the inbox holds work; spares the lock where there is none.
    private let hasMail = Atomic(false)
    /// What came from the inbox, and how much of it was begun. On the loop only.
    private var mail: [@Sendable () -> Void] = []
    private var nextMail = 0

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Runs `work` on the loop: at once when called there, else queued behind earlier work and run within the loop's next
    /// tick, all that has gathered in one go.
    func run(_ work: @escaping @Sendable () -> Void) {
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
            hasMail.store(true, ordering: .releasing)
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
        if hasMail.load(ordering: .acquiring) { empty() }
    }

    /// What is done may call `catchUp`, and then comes back here: the order stays that of arrival.
    private func empty() {
        let work = inbox.withLockedValue { inbox in
            inbox.round &+= 1
            hasMail.store(false, ordering: .relaxed)
            return exchange(&inbox.work, with: [])
        }
        if mail.isEmpty { mail = work } else { mail.append(contentsOf: work) }
        while nextMail < mail.count {
            let item = mail[nextMail]
            nextMail += 1
            item()
        }
        mail = []
        nextMail = 0
    }
}
