// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore

/// Why the Socket.IO layer has ended a session. An object, because this layer ends few sessions.
final class ClientEnding {
    /// The reason that the sockets get; nil for the reason of the engine.
    let reason: DisconnectReason?
    /// For the access log.
    let detail: String?

    init(reason: DisconnectReason?, detail: String?) {
        self.reason = reason
        self.detail = detail
    }
}

/// The time by which the attachments of a packet must have arrived. An object, because few clients send any.
final class AttachmentWatch {
    /// Later than the timer when another packet has begun since.
    var due: NIODeadline
    let timer: TimerQueue.Token

    init(due: NIODeadline, timer: TimerQueue.Token) {
        self.due = due
        self.timer = timer
    }
}
