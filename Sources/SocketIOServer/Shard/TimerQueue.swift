// Part of socketio-server, MIT licence; see LICENSE.

internal import HeapModule
internal import NIOCore

/// The timers of one shard: acknowledgement deadlines and connect time-outs, behind one scheduled task of the loop.
///
/// Confined to its event loop. Adding is O(log n), cancelling O(1): a cancelled entry stays in the heap until its turn
/// comes or until dead entries outnumber live ones.
final class TimerQueue {
    /// Names a timer; never reused.
    typealias Token = UInt64

    /// Of two timers with the same deadline, the one scheduled first runs first.
    private struct Entry: Comparable {
        let deadline: NIODeadline
        let token: Token

        static func < (left: Entry, right: Entry) -> Bool {
            left.deadline < right.deadline || (left.deadline == right.deadline && left.token < right.token)
        }
    }

    private let eventLoop: any EventLoop
    private var heap = Heap<Entry>()
    private var actions: [Token: () -> Void] = [:]
    private var nextToken: Token = 0
    private var armed: (deadline: NIODeadline, task: Scheduled<Void>)?

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// How many timers wait.
    var count: Int { actions.count }

    /// The deadlines of the pending timers.
    var deadlines: [NIODeadline] { heap.unordered.filter { actions[$0.token] != nil }.map(\.deadline) }

    /// Runs `action` on the loop after `delay`.
    func schedule(after delay: TimeAmount, _ action: @escaping () -> Void) -> Token {
        eventLoop.assertInEventLoop()
        let token = nextToken
        nextToken += 1
        actions[token] = action
        heap.insert(Entry(deadline: eventLoop.now + delay, token: token))
        arm()
        return token
    }

    /// Forgets a timer that has not run yet.
    func cancel(_ token: Token) {
        eventLoop.assertInEventLoop()
        guard actions.removeValue(forKey: token) != nil else { return }
        if heap.count > 64, heap.count > actions.count * 2 {
            heap = Heap(heap.unordered.filter { actions[$0.token] != nil })
        }
        shrink()
    }

    /// Gives the memory of a burst back once no timer is left. Dictionary and heap never shrink by themselves.
    ///
    /// The loop's task stays armed: with time-outs that are cancelled again and again it would be created anew each time,
    /// and firing it without work costs almost nothing.
    private func shrink() {
        guard actions.isEmpty, actions.capacity > 1_024 else { return }
        actions = [:]
        heap = Heap()
    }

    private func arm() {
        while let first = heap.min, actions[first.token] == nil { heap.removeMin() }
        guard let first = heap.min else { return }
        if let armed {
            guard first.deadline < armed.deadline else { return }
            armed.task.cancel()
        }
        armed = (
            first.deadline,
            eventLoop.assumeIsolated().scheduleTask(deadline: first.deadline) { self.fire() }
        )
    }

    private func fire() {
        armed = nil
        let now = eventLoop.now
        while let first = heap.min, first.deadline <= now {
            heap.removeMin()
            actions.removeValue(forKey: first.token)?()
        }
        shrink()
        arm()
    }
}
