// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// The connections that an event loop has accepted within the last moments, and that need no timer of their own yet.
///
/// Nearly all of them become a WebSocket or end before their first deadline, and starting and cancelling a timer for
/// each would cost as much as reading its request. So one timer serves all of them: when it fires, the connections that
/// still wait start timers of their own. Confined to its event loop.
final class SharedAcceptDeadline {
    private static let interval = TimeAmount.milliseconds(500)

    private var handlers: [HTTPConnectionHandler] = []
    private var endsAt = NIODeadline.distantPast
    private var isScheduled = false

    /// Adds a connection, unless its deadline is too early for the shared timer.
    func admit(_ handler: HTTPConnectionHandler, deadline: NIODeadline, on eventLoop: any EventLoop) {
        let end = isScheduled ? endsAt : eventLoop.now + Self.interval
        guard deadline > end else { return }
        if !isScheduled {
            isScheduled = true
            endsAt = end
            eventLoop.assumeIsolated().scheduleTask(deadline: end) { self.release() }
        }
        handler.acceptDeadlineIndex = handlers.count
        handlers.append(handler)
    }

    /// Removes a connection, if it is in the list, so that the list does not keep it alive.
    func remove(_ handler: HTTPConnectionHandler) {
        guard let index = handler.acceptDeadlineIndex, let last = handlers.popLast() else { return }
        handler.acceptDeadlineIndex = nil
        guard last !== handler else { return }
        handlers[index] = last
        last.acceptDeadlineIndex = index
    }

    /// Whether `deadline` is later than the time at which the listed connections start their own timers.
    func covers(_ deadline: NIODeadline) -> Bool { deadline > endsAt }

    private func release() {
        let grown = handlers
        handlers.removeAll(keepingCapacity: grown.count <= 4096)
        isScheduled = false
        for handler in grown { handler.acceptDeadlineIndex = nil }
        for handler in grown { handler.updateTimer() }
    }
}
