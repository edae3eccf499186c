// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore

/// A limit that something between nodes can be over: a label of `socketio_adapter_limit_refusals_total`.
package enum ClusterLimit: String, CaseIterable, Sendable {
    /// Bytes of a message of another node.
    case messageBytes = "message_bytes"
    /// Its nesting.
    case nesting
    /// Its byte strings.
    case attachments
    /// Its rooms and exceptions.
    case rooms
    /// Bytes of a message of this node.
    case sentBytes = "sent_bytes"
    /// Bytes of an answer of this node.
    case answerBytes = "answer_bytes"
    /// Questions of other nodes that wait for this one's answer; see ``AnswerGate``.
    case answers

    /// The limit that a message of another node was over; nil when it was dropped for another reason.
    package init?(_ error: any Error) {
        switch error {
        case let error as ClusterError where error.code == .oversized: self = .messageBytes
        case WireFormatError.tooManyRooms: self = .rooms
        case WireFormatError.tooDeep, WireFormatError.messagePack(.tooDeep): self = .nesting
        case WireFormatError.messagePack(.tooManyAttachments): self = .attachments
        case WireFormatError.messagePack(.tooLong): self = .messageBytes
        default: return nil
        }
    }
}
