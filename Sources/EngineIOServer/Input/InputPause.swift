// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// A pause in which the input of a client is not handled, with the timer that ends it. An object, because most
/// connections never have one. Confined to the session's loop.
final class InputPause {
    private(set) var until: NIODeadline
    private var timer: Scheduled<Void>?

    /// - Parameter done: called once, on the loop, when the time is over; not after ``cancel()``.
    init(until deadline: NIODeadline, on eventLoop: any EventLoop, _ done: @escaping () -> Void) {
        until = deadline
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline, done)
    }

    func cancel() {
        timer?.cancel()
        timer = nil
    }
}
