// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// One timer for a deadline that often moves.
///
/// Moving the deadline later costs nothing: the running timer fires at the old time, finds that it is early, and is set
/// again. A connection that serves many requests schedules a timer once in several seconds, not once for each request.
package struct DeadlineTimer {
    private var scheduled: Scheduled<Void>?
    private var firesAt = NIODeadline.distantFuture
    package private(set) var deadline: NIODeadline?

    package init() {}

    /// Moves the deadline; nil means no deadline. True when the caller must start a timer for it with `start`.
    package mutating func move(to deadline: NIODeadline?) -> Bool {
        self.deadline = deadline
        guard let deadline, deadline < .distantFuture else { return false }
        return scheduled == nil || firesAt > deadline
    }

    /// Starts the timer for the current deadline; `fired` must call `hasFired`.
    package mutating func start(on eventLoop: any EventLoop, fired: @escaping () -> Void) {
        guard let deadline else { return }
        scheduled?.cancel()
        firesAt = deadline
        scheduled = eventLoop.assumeIsolated().scheduleTask(deadline: deadline, fired)
    }

    /// Notes that the timer has fired; true when the current deadline has been reached.
    package mutating func hasFired(now: NIODeadline) -> Bool {
        scheduled = nil
        firesAt = .distantFuture
        guard let deadline else { return false }
        return deadline <= now
    }

    package mutating func cancel() {
        scheduled?.cancel()
        scheduled = nil
        firesAt = .distantFuture
        deadline = nil
    }
}
