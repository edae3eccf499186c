// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// One timer for a deadline that moves often.
///
/// Moving the deadline later costs nothing: the running timer fires at the old time, finds that it is early, and is set
/// again. A connection that serves request after request schedules once in several seconds, not once a request.
package struct DeadlineTimer {
    private var scheduled: Scheduled<Void>?
    private var firesAt = NIODeadline.distantFuture
    package private(set) var deadline: NIODeadline?

    package init() {}

    /// Moves the deadline; nil for none. True when a timer must be started for it, with `start`.
    package mutating func move(to deadline: NIODeadline?) -> Bool {
        self.deadline = deadline
        guard let deadline, deadline < .distantFuture else { return false }
        return scheduled == nil || firesAt > deadline
    }

    /// Starts the timer for the current deadline; `fired` is to call `hasFired`.
    package mutating func start(on eventLoop: any EventLoop, fired: @escaping () -> Void) {
        guard let deadline else { return }
        scheduled?.cancel()
        firesAt = deadline
        scheduled = eventLoop.assumeIsolated().scheduleTask(deadline: deadline, fired)
    }

    /// Notes that the timer has fired; true when the deadline has really come.
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
