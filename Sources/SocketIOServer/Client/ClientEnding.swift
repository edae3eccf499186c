// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore

/// Why the Socket.IO layer has ended a session. An object, because most clients end for reasons of their own.
final class ClientEnding {
    /// What the sockets are told; nil for what the engine says.
    let reason: DisconnectReason?
    /// For the access log.
    let detail: String?

    init(reason: DisconnectReason?, detail: String?) {
        self.reason = reason
        self.detail = detail
    }
}

/// Until when the attachments of a packet must have arrived. An object, because few clients send any.
final class AttachmentWatch {
    /// Later than the timer when another packet has begun since.
    var due: NIODeadline
    let timer: TimerQueue.Token

    init(due: NIODeadline, timer: TimerQueue.Token) {
        self.due = due
        self.timer = timer
    }
}
