// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// One timer for a deadline that moves often.
///
/// Moving the deadline later costs nothing: the running timer fires at the old time, finds that it is early, and is set
/// again. A connection that serves request after request schedules once in several seconds, not once a request.
struct DeadlineTimer {
    private var scheduled: Scheduled<Void>?
    private var firesAt = NIODeadline.distantFuture
    private(set) var deadline: NIODeadline?

    /// Sets the deadline; nil for none. `fired` is to call `hasFired`.
    mutating func set(_ deadline: NIODeadline?, on eventLoop: any EventLoop, fired: @escaping () -> Void) {
        self.deadline = deadline
        guard let deadline, deadline < .distantFuture else { return }
        if scheduled != nil {
            if firesAt <= deadline { return }
            scheduled?.cancel()
        }
        firesAt = deadline
        scheduled = eventLoop.assumeIsolated().scheduleTask(deadline: deadline, fired)
    }

    /// Notes that the timer has fired; true when the deadline has really come.
    mutating func hasFired() -> Bool {
        scheduled = nil
        firesAt = .distantFuture
        guard let deadline else { return false }
        return deadline <= .now()
    }

    mutating func cancel() {
        scheduled?.cancel()
        scheduled = nil
        firesAt = .distantFuture
        deadline = nil
    }
}
