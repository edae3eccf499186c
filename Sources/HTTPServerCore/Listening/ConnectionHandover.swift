// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import Synchronization

/// Hands the connections that one event loop has accepted to the loops that serve them.
///
/// NIO has already chosen a loop for each connection, taking those of a group in turn. A loop that has not taken a
/// connection within ``patience`` is held up, for example by a handler that computes. It gets no further connections
/// until it has taken that one, so only the connections of these few milliseconds wait for it.
///
/// Only the accepting loop changes `nextTurn` and `isCheckScheduled`; they are atomic so that other threads can read them.
final class ConnectionHandover: Sendable {
    /// A loop that receives connections.
    private final class Target: Sendable {
        let eventLoop: any EventLoop
        /// Since when a connection has been waiting for the loop, in nanoseconds of its clock; 0 when none waits.
        private let waitingSince = Atomic<UInt64>(0)

        init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

        func handedOver(_ now: UInt64) {
            _ = waitingSince.compareExchange(expected: 0, desired: now, ordering: .relaxed)
        }

        func taken() { waitingSince.store(0, ordering: .relaxed) }

        var isWaitedFor: Bool { waitingSince.load(ordering: .relaxed) != 0 }

        func isHeldUp(_ now: UInt64) -> Bool {
            let since = waitingSince.load(ordering: .relaxed)
            return since != 0 && now > since && now - since > ConnectionHandover.patience
        }
    }

    /// How long a loop may take to accept a handed-over connection, in nanoseconds.
    static let patience: UInt64 = 20_000_000

    private let group: any EventLoopGroup
    /// The loops, in the order of their turns.
    private let targets: [Target]
    /// The target of the next connection.
    private let nextTurn = Atomic(0)
    private let isCheckScheduled = Atomic(false)

    /// - Parameter group: the group from which NIO takes the loops of accepted connections, one `next()` for each.
    init(_ group: any EventLoopGroup) {
        self.group = group
        self.targets = group.makeIterator().map { Target($0) }
    }

    /// Runs `work` on the loop of an accepted connection, and makes the next connections skip loops that are held up.
    /// - Parameter acceptor: the loop that calls.
    func perform(on eventLoop: any EventLoop, from acceptor: any EventLoop, _ work: @escaping @Sendable () -> Void) {
        guard let index = targets.firstIndex(where: { $0.eventLoop === eventLoop }) else {
            return eventLoop.execute(work)
        }
        let (target, now) = (targets[index], acceptor.now.uptimeNanoseconds)
        target.handedOver(now)
        eventLoop.execute {
            target.taken()
            work()
        }
        nextTurn.store((index + 1) % targets.count, ordering: .relaxed)
        skipHeldUp(now)
        scheduleCheck(acceptor)
    }

    /// Skips the turns of loops that are held up. If other code takes loops from the same group, it may miss one.
    private func skipHeldUp(_ now: UInt64) {
        var turn = nextTurn.load(ordering: .relaxed)
        for _ in 1..<max(1, targets.count) where targets[turn].isHeldUp(now) {
            _ = group.next()
            turn = (turn + 1) % targets.count
        }
        nextTurn.store(turn, ordering: .relaxed)
    }

    /// Checks again at the time by which the loops must have taken their connections. At most one check is scheduled.
    private func scheduleCheck(_ acceptor: any EventLoop) {
        guard !isCheckScheduled.exchange(true, ordering: .relaxed) else { return }
        acceptor.scheduleTask(in: .nanoseconds(Int64(Self.patience) + 1_000_000)) { [self] in
            isCheckScheduled.store(false, ordering: .relaxed)
            let now = acceptor.now.uptimeNanoseconds
            skipHeldUp(now)
            if targets.contains(where: { $0.isWaitedFor && !$0.isHeldUp(now) }) { scheduleCheck(acceptor) }
        }
    }

    /// Whether a loop is known to be held up, so that the next connection gets another one. For tests.
    var isPassingOver: Bool {
        let now = NIODeadline.now().uptimeNanoseconds
        return targets.contains { $0.isHeldUp(now) } && !targets[nextTurn.load(ordering: .relaxed)].isHeldUp(now)
            && targets.allSatisfy { !$0.isWaitedFor || $0.isHeldUp(now) }
    }
}
