// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The heartbeat deadlines of a shard's sessions: one timer for all of them (protocol 1.11).
///
/// A hashed wheel: slot `n` holds the sessions whose deadline falls on tick `n` modulo the number of slots. The loop is
/// woken for occupied slots only. A deadline is never missed by more than one tick; it is never early. Confined to the
/// shard's loop.
///
/// Each slot is a linked list, and one array holds the links of all slots. An array for each slot would be allocated
/// between the first sessions and outlive them, and thousands of such arrays keep the allocator from returning the
/// pages of a crowd.
final class HeartbeatWheel {
    /// 8,192 slots of 4 ms hold 32 s, more than the default intervals.
    private static let slotCount = 8192
    private static let none: Int32 = -1

    /// A session in the list of its slot.
    private struct Node {
        var session: SessionCore?
        var next = HeartbeatWheel.none
        var previous = HeartbeatWheel.none
    }

    private let eventLoop: any EventLoop
    private let resolution: UInt64
    private let origin: NIODeadline
    /// The first node of each slot.
    private var slots: [Int32]
    private var nodes: [Node] = []
    private var free: [Int32] = []
    /// One bit per slot: whether it holds anything.
    private var occupied: [UInt64]
    /// How many sessions have a deadline.
    var count: Int { nodes.count - free.count }
    /// Ticks up to this one have been handled.
    private var handled: UInt64 = 0
    private var wakeUp: (tick: UInt64, task: Scheduled<Void>)?

    init(eventLoop: any EventLoop, resolution: TimeAmount) {
        self.eventLoop = eventLoop
        self.resolution = UInt64(max(resolution.nanoseconds, 1))
        self.origin = eventLoop.now
        self.slots = Array(repeating: Self.none, count: Self.slotCount)
        self.occupied = Array(repeating: 0, count: Self.slotCount / 64)
    }

    /// Calls `session.timerDue` at `deadline`, instead of at an earlier set one.
    func schedule(_ session: SessionCore, at deadline: NIODeadline) {
        cancel(session)
        let tick = max(tickAtOrAfter(deadline), handled + 1)
        session.heartbeatTick = tick
        let slot = Self.slot(of: tick)
        let node = Node(session: session, next: slots[slot])
        let index: Int32
        if let place = free.popLast() {
            index = place
            nodes[Int(place)] = node
        } else {
            index = Int32(truncatingIfNeeded: nodes.count)
            nodes.append(node)
        }
        if node.next != Self.none { nodes[Int(node.next)].previous = index }
        slots[slot] = index
        session.wheelIndex = index
        occupied[slot >> 6] |= 1 << UInt64(slot & 63)
        wakeNoLater(than: tick)
    }

    func cancel(_ session: SessionCore) {
        guard session.wheelIndex != Self.none else { return }
        remove(session)
    }

    private static func slot(of tick: UInt64) -> Int { Int(tick % UInt64(slotCount)) }

    /// Stops the timer for good.
    func stop() {
        wakeUp?.task.cancel()
        wakeUp = nil
    }

    private func remove(_ session: SessionCore) {
        let index = session.wheelIndex
        session.wheelIndex = Self.none
        let node = nodes[Int(index)]
        let slot = Self.slot(of: session.heartbeatTick)
        if node.previous == Self.none { slots[slot] = node.next } else { nodes[Int(node.previous)].next = node.next }
        if node.next != Self.none { nodes[Int(node.next)].previous = node.previous }
        if slots[slot] == Self.none { occupied[slot >> 6] &= ~(1 << UInt64(slot & 63)) }
        nodes[Int(index)] = Node()
        free.append(index)
        if free.count == nodes.count {
            nodes.removeAll(keepingCapacity: nodes.count <= 256)
            free.removeAll(keepingCapacity: free.count <= 256)
        }
    }

    private func tickAtOrAfter(_ deadline: NIODeadline) -> UInt64 {
        let nanoseconds = (deadline - origin).nanoseconds
        guard nanoseconds > 0 else { return 0 }
        return (UInt64(nanoseconds) + resolution - 1) / resolution
    }

    private func wakeNoLater(than tick: UInt64) {
        if let wakeUp {
            if wakeUp.tick <= tick { return }
            wakeUp.task.cancel()
        }
        let deadline =
            origin + .nanoseconds(Int64(clamping: tick.multipliedReportingOverflow(by: resolution).partialValue))
        let task = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.wokeUp(at: tick) }
        wakeUp = (tick, task)
    }

    private func wokeUp(at tick: UInt64) {
        wakeUp = nil
        let now = eventLoop.now
        // Woken at `tick`, so at least that much time has passed; after a pause of the loop it may be more.
        let current = max(tick, UInt64(max((now - origin).nanoseconds, 0)) / resolution)
        let due = takeDue(through: current)
        handled = current
        for session in due { session.timerDue() }
        if count > 0 { wakeNoLater(than: nextOccupiedTick()) }
    }

    /// Removes what is due first, since a session that is told may schedule or cancel any other.
    private func takeDue(through current: UInt64) -> [SessionCore] {
        var due: [SessionCore] = []
        let first = handled + 1
        guard first <= current else { return due }
        for tick in first...min(current, first + UInt64(Self.slotCount) - 1) {
            let slot = Self.slot(of: tick)
            guard occupied[slot >> 6] & (1 << UInt64(slot & 63)) != 0 else { continue }
            var index = slots[slot]
            while index != Self.none {
                let node = nodes[Int(index)]
                index = node.next
                guard let session = node.session, session.heartbeatTick <= current else { continue }
                remove(session)
                due.append(session)
            }
        }
        return due
    }

    private func nextOccupiedTick() -> UInt64 {
        let start = handled + 1
        for distance in 0..<UInt64(Self.slotCount) {
            let slot = Int((start + distance) % UInt64(Self.slotCount))
            if occupied[slot >> 6] & (1 << UInt64(slot & 63)) != 0 { return start + distance }
        }
        return start + UInt64(Self.slotCount)
    }
}
