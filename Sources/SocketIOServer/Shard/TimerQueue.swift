// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The timers of one shard: acknowledgement deadlines and connect time-outs, behind one scheduled task of the loop.
///
/// Confined to its event loop. Adding is O(log n), cancelling O(1): a cancelled entry stays in the heap until its turn
/// comes or until dead entries outnumber live ones.
final class TimerQueue {
    /// Names a timer; never reused.
    typealias Token = UInt64

    private struct Entry {
        let deadline: NIODeadline
        let token: Token

        func isBefore(_ other: Entry) -> Bool {
            deadline < other.deadline || (deadline == other.deadline && token < other.token)
        }
    }

    private let eventLoop: any EventLoop
    private var heap: [Entry] = []
    private var actions: [Token: () -> Void] = [:]
    private var nextToken: Token = 0
    private var armed: (deadline: NIODeadline, task: Scheduled<Void>)?

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// How many timers wait.
    var count: Int { actions.count }

    /// The deadlines of the pending timers.
    var deadlines: [NIODeadline] { heap.filter { actions[$0.token] != nil }.map(\.deadline) }

    /// Runs `action` on the loop after `delay`.
    func schedule(after delay: TimeAmount, _ action: @escaping () -> Void) -> Token {
        eventLoop.assertInEventLoop()
        let token = nextToken
        nextToken += 1
        actions[token] = action
        push(Entry(deadline: eventLoop.now + delay, token: token))
        arm()
        return token
    }

    /// Forgets a timer that has not run yet.
    func cancel(_ token: Token) {
        eventLoop.assertInEventLoop()
        guard actions.removeValue(forKey: token) != nil else { return }
        if heap.count > 64, heap.count > actions.count * 2 {
            heap.removeAll { actions[$0.token] == nil }
            heap.sort { $0.isBefore($1) }
        }
        guard actions.isEmpty else { return }
        if actions.capacity > 1_024 { actions = [:] }
        // The loop's task is kept. With time-outs that are cancelled again and again it would be created anew each
        // time, and firing it without work costs almost nothing.
        heap.removeAll(keepingCapacity: heap.capacity <= 64)
    }

    private func arm() {
        while let first = heap.first, actions[first.token] == nil { removeFirst() }
        guard let first = heap.first else { return }
        if let armed {
            guard first.deadline < armed.deadline else { return }
            armed.task.cancel()
        }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        armed = (
            first.deadline,
            eventLoop.scheduleTask(deadline: first.deadline) { bound.value.fire() }
        )
    }

    private func fire() {
        armed = nil
        let now = eventLoop.now
        while let first = heap.first, first.deadline <= now {
            removeFirst()
            actions.removeValue(forKey: first.token)?()
        }
        if actions.isEmpty {
            // A dictionary never shrinks its storage by itself.
            if actions.capacity > 1_024 { actions = [:] }
            heap.removeAll(keepingCapacity: heap.capacity <= 1_024)
        }
        arm()
    }

    private func push(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private func removeFirst() {
        guard let last = heap.popLast(), !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            var smallest = parent
            let left = 2 * parent + 1
            if left < heap.count, heap[left].isBefore(heap[smallest]) { smallest = left }
            if left + 1 < heap.count, heap[left + 1].isBefore(heap[smallest]) { smallest = left + 1 }
            guard smallest != parent else { return }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
