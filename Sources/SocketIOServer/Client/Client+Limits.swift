// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import Logging
internal import NIOCore

// What happens when the client exceeds a limit.
extension Client {
    /// Counts that the client has exceeded a limit, and names the limit in the log.
    func exceeded(_ limit: ClientLimit, _ kind: SocketLogKind = .overLimit) {
        context.metrics.refused(limit)
        guard let setting = limit.setting else { return }
        context.log.log(
            kind, level: .notice, on: session.eventLoop,
            ["setting": "\(setting)", "remote": "\(session.remoteAddress)", "sid": "\(session.shortenedID)"])
    }

    // MARK: Running handlers

    /// How long the input of the client is held while a socket has too many handlers, and after which time the hold is renewed.
    private static let handlerHold = TimeAmount.milliseconds(100)
    private static let handlerHoldRenewal = TimeAmount.milliseconds(50)

    /// Holds the input of the client until a socket with too many asynchronous handlers has fewer.
    func holdForHandlers() {
        guard !isHeldForHandlers else { return }
        isHeldForHandlers = true
        exceeded(.runningHandlers, .manyHandlers)
        renewHold()
    }

    private func renewHold() {
        guard session.isOpen, connectedSockets.contains(where: \.hasTooManyHandlers) else {
            isHeldForHandlers = false
            return
        }
        session.holdInput(until: .now() + Self.handlerHold)
        _ = shard.timers.schedule(after: Self.handlerHoldRenewal) { self.renewHold() }
    }
}
