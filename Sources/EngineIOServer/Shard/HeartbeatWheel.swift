// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The heartbeat deadlines of a shard's sessions: one timer for all of them (spec 1.11).
///
/// A hashed wheel: slot `n` holds the sessions whose deadline falls on tick `n` modulo the number of slots. The loop is
/// woken for occupied slots only. A deadline is never missed by more than one tick; it is never early. Confined to the
/// shard's loop.
final class HeartbeatWheel {
    /// 8,192 slots of 4 ms hold 32 s, more than the default intervals.
    private static let slotCount = 8192
    private static let none: Int32 = -1

    private let eventLoop: any EventLoop
    private let resolution: UInt64
    private let origin: NIODeadline
    private var slots: [[EngineSession]]
    /// One bit per slot: whether it holds anything.
    private var occupied: [UInt64]
    private var count = 0
    /// Ticks up to this one have been handled.
    private var handled: UInt64 = 0
    private var wakeUp: (tick: UInt64, task: Scheduled<Void>)?

    init(eventLoop: any EventLoop, resolution: TimeAmount) {
        self.eventLoop = eventLoop
        self.resolution = UInt64(max(resolution.nanoseconds, 1))
        self.origin = .now()
        self.slots = Array(repeating: [], count: Self.slotCount)
        self.occupied = Array(repeating: 0, count: Self.slotCount / 64)
    }

    /// Calls `session.timerDue` at `deadline`, instead of at an earlier set one.
    func schedule(_ session: EngineSession, at deadline: NIODeadline) {
        cancel(session)
        let tick = max(tickAtOrAfter(deadline), handled + 1)
        session.heartbeatTick = tick
        let slot = Int(tick % UInt64(Self.slotCount))
        session.wheelIndex = Int32(truncatingIfNeeded: slots[slot].count)
        slots[slot].append(session)
        occupied[slot >> 6] |= 1 << UInt64(slot & 63)
        count += 1
        wakeNoLater(than: tick)
    }

    func cancel(_ session: EngineSession) {
        guard session.wheelIndex != Self.none else { return }
        remove(at: Int(session.wheelIndex), from: Int(session.heartbeatTick % UInt64(Self.slotCount)))
    }

    /// Stops the timer for good.
    func stop() {
        wakeUp?.task.cancel()
        wakeUp = nil
    }

    private func remove(at index: Int, from slot: Int) {
        let last = slots[slot].count - 1
        slots[slot][index].wheelIndex = Self.none
        if index != last {
            slots[slot].swapAt(index, last)
            slots[slot][index].wheelIndex = Int32(truncatingIfNeeded: index)
        }
        slots[slot].removeLast()
        if last == 0 { occupied[slot >> 6] &= ~(1 << UInt64(slot & 63)) }
        count -= 1
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
        // The task runs on the shard's loop, to which the wheel is confined.
        let wheel = NIOLoopBound(self, eventLoop: eventLoop)
        let task = eventLoop.scheduleTask(deadline: deadline) { wheel.value.wokeUp(at: tick) }
        wakeUp = (tick, task)
    }

    private func wokeUp(at tick: UInt64) {
        wakeUp = nil
        let now = NIODeadline.now()
        // Woken at `tick`, so at least that much time has passed; after a pause of the loop it may be more.
        let current = max(tick, UInt64(max((now - origin).nanoseconds, 0)) / resolution)
        let due = takeDue(through: current)
        handled = current
        for session in due { session.timerDue() }
        if count > 0 { wakeNoLater(than: nextOccupiedTick()) }
    }

    /// Removes what is due first, since a session that is told may schedule or cancel any other.
    private func takeDue(through current: UInt64) -> [EngineSession] {
        var due: [EngineSession] = []
        let first = handled + 1
        guard first <= current else { return due }
        for tick in first...min(current, first + UInt64(Self.slotCount) - 1) {
            let slot = Int(tick % UInt64(Self.slotCount))
            guard occupied[slot >> 6] & (1 << UInt64(slot & 63)) != 0 else { continue }
            var index = 0
            while index < slots[slot].count {
                let session = slots[slot][index]
                if session.heartbeatTick <= current {
                    remove(at: index, from: slot)
                    due.append(session)
                } else {
                    index += 1
                }
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
