// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The connections accepted on an event loop in the last moment, which need no timer of their own yet.
///
/// Nearly all of them have become a WebSocket or ended before their first deadline could come, and to start and cancel a timer for
/// each would cost as much as to read its request. So there is one for all: when it fires, those that still wait for
/// something start theirs. Confined to its event loop.
final class Newcomers {
    private static let interval = TimeAmount.milliseconds(500)

    private var handlers: [HTTPConnectionHandler] = []
    private var endsAt = NIODeadline.distantPast
    private var isScheduled = false

    /// Takes a connection in, unless its deadline comes too early for that.
    func admit(_ handler: HTTPConnectionHandler, deadline: NIODeadline, on eventLoop: any EventLoop) {
        let end = isScheduled ? endsAt : eventLoop.now + Self.interval
        guard deadline > end else { return }
        if !isScheduled {
            isScheduled = true
            endsAt = end
            eventLoop.assumeIsolated().scheduleTask(deadline: end) { self.release() }
        }
        handler.newcomerIndex = handlers.count
        handlers.append(handler)
    }

    /// Forgets a connection, if it is one of these: nothing of it stays alive here.
    func remove(_ handler: HTTPConnectionHandler) {
        guard let index = handler.newcomerIndex, let last = handlers.popLast() else { return }
        handler.newcomerIndex = nil
        guard last !== handler else { return }
        handlers[index] = last
        last.newcomerIndex = index
    }

    /// Whether `deadline` comes after the time when the connections of the moment start their timers.
    func covers(_ deadline: NIODeadline) -> Bool { deadline > endsAt }

    private func release() {
        let grown = handlers
        handlers.removeAll(keepingCapacity: grown.count <= 4096)
        isScheduled = false
        for handler in grown { handler.newcomerIndex = nil }
        for handler in grown { handler.updateTimer() }
    }
}
