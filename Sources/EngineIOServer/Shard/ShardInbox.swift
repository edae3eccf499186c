// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Synchronization

/// Work that comes to an event loop from other threads, done in the order of its arrival.
///
/// What is marked is confined to the loop, the rest behind a lock or atomic: the reason for `@unchecked Sendable`.
final class ShardInbox: @unchecked Sendable {
    private struct Arrivals {
        var work: [@Sendable () -> Void] = []
        var isScheduled = false
    }

    private let eventLoop: any EventLoop
    private let inbox = NIOLockedValueBox(Arrivals())
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
        let mustSchedule = inbox.withLockedValue { inbox in
            inbox.work.append(work)
            hasMail.store(true, ordering: .releasing)
            defer { inbox.isScheduled = true }
            return !inbox.isScheduled
        }
        if mustSchedule { eventLoop.execute { self.empty() } }
    }

    /// Queues `work` in its turn and lets the loop sleep on. Returns whether somebody has to ``wake()`` it.
    func leave(_ work: @escaping @Sendable () -> Void) -> Bool {
        inbox.withLockedValue { inbox in
            inbox.work.append(work)
            hasMail.store(true, ordering: .releasing)
            return !inbox.isScheduled
        }
    }

    /// Has what was left here done, unless that has happened since.
    func wake() {
        let mustSchedule = inbox.withLockedValue { inbox in
            guard !inbox.work.isEmpty, !inbox.isScheduled else { return false }
            inbox.isScheduled = true
            return true
        }
        if mustSchedule { eventLoop.execute { self.empty() } }
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
            inbox.isScheduled = false
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
