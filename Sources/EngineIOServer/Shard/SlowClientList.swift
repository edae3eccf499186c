// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// The sessions of a shard with a ``Leftover``, and one timer that checks the watched ones.
///
/// A session enters the list with its first queued message, so a session that keeps up costs nothing. Confined to the
/// shard's loop. List and spare are not checked for overlapping access, for the same reason as in ``Leftover``.
final class SlowClientList {
    /// How often progress is checked within the time-out.
    private static let looksPerTimeout: Int64 = 16

    private unowned let shard: ShardCore
    @exclusivity(unchecked) private var sessions: [SessionCore] = []
    /// One that is spent, for the next session: mostly a message of a polling client waits until its next poll, and nothing is
    /// allocated for that.
    @exclusivity(unchecked) private var spare: Leftover?
    private var timer: Scheduled<Void>?

    init(_ shard: ShardCore) {
        self.shard = shard
    }

    var isEmpty: Bool { sessions.isEmpty }

    /// What the session notes from now on; it is added to the list.
    func add(_ session: SessionCore) -> Leftover {
        let limits = session.context.slowClientLimits
        let leftover: Leftover
        if let spare {
            leftover = spare
            self.spare = nil
            leftover.reuse(limits: limits)
        } else {
            leftover = Leftover(limits: limits)
        }
        leftover.listIndex = sessions.count
        sessions.append(session)
        return leftover
    }

    /// The same as ``remove(_:)``, and it may serve another session.
    func removeSpent(_ leftover: Leftover) {
        remove(leftover)
        if spare == nil { spare = leftover }
    }

    func remove(_ leftover: Leftover) {
        let index = leftover.listIndex
        guard sessions.indices.contains(index) else { return }
        leftover.listIndex = -1
        let last = sessions.removeLast()
        if index < sessions.count {
            sessions[index] = last
            last.leftover?.listIndex = index
        }
        if sessions.isEmpty {
            timer?.cancel()
            timer = nil
            shard.forgetAnswers()
        }
    }

    /// The session has exceeded its soft bound.
    func watch(_ session: SessionCore) {
        if timer == nil { arm(session.context.slowClientLimits.timeout) }
    }

    private func arm(_ timeout: TimeAmount) {
        let step = TimeAmount.nanoseconds(
            min(max(timeout.nanoseconds / Self.looksPerTimeout, 1_000_000), 1_000_000_000))
        timer = shard.loop.scheduleTask(in: step) { self.look() }
    }

    private func look() {
        timer = nil
        let now = shard.eventLoop.now
        shard.deferringSessionEnds {
            // A copy, since a session may leave the list while it is checked.
            for session in sessions { session.checkProgress(now: now) }
        }
        var shortest: TimeAmount?
        for session in sessions where session.leftover?.machine.isWatched ?? false {
            shortest = min(shortest ?? .hours(24), session.context.slowClientLimits.timeout)
        }
        if timer == nil, let shortest { arm(shortest) }
    }

    func stop() {
        timer?.cancel()
        timer = nil
    }

    /// The sessions with the longest queues, the longest first.
    func worst(_ count: Int) -> [(session: SessionCore, waiting: Int)] {
        let all = sessions.map { (session: $0, waiting: $0.waitingBytes) }
        return Array(all.sorted { $0.waiting > $1.waiting }.prefix(count))
    }
}
