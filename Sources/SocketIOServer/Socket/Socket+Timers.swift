// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// A timer of a socket's event loop, for other modules of this package. On that loop only.
package struct SocketTimer {
    private let timers: TimerQueue
    private let token: TimerQueue.Token

    fileprivate init(_ timers: TimerQueue, _ token: TimerQueue.Token) {
        self.timers = timers
        self.token = token
    }

    /// Forgets the timer; does nothing when it has run.
    package func cancel() { timers.cancel(token) }
}

extension Socket {
    /// Runs `action` after `delay`, also when the socket has gone by then: cancel it at the disconnection. On the loop only.
    package func schedule(after delay: TimeAmount, _ action: @escaping () -> Void) -> SocketTimer {
        let timers = client.shard.timers
        return SocketTimer(timers, timers.schedule(after: delay, action))
    }
}
