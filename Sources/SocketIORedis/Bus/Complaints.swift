// Part of socketio-server, MIT licence; see LICENSE.

internal import Logging
internal import NIOCore

/// Warnings about what can happen a million times a second: one a second at most. Confined to the bus's event loop.
final class Complaints {
    private let logger: Logger
    private var last: NIODeadline?

    init(logger: Logger) {
        self.logger = logger
    }

    func complain(_ text: Logger.Message, reason: @autoclosure () -> String) {
        let now = NIODeadline.now()
        if let last, now - last < .seconds(1) { return }
        last = now
        logger.warning(text, metadata: ["reason": "\(reason())"])
    }
}
