// Part of socketio-server, MIT licence; see LICENSE.

package import LoopConfinement
package import NIOCore

/// A timer of a socket's event loop, for other modules of this package.
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
    /// Runs `action` after `delay`, also when the socket has gone by then: cancel it at the disconnection.
    ///
    /// - Parameter neighbour: somebody who lives on the socket's event loop.
    package func schedule(
        after delay: TimeAmount, beside neighbour: some LoopResident, _ action: @escaping () -> Void
    ) -> SocketTimer {
        let timers = core.value(beside: neighbour).client.shard.timers
        return SocketTimer(timers, timers.schedule(after: delay, action))
    }
}
