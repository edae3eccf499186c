// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore

/// A limit of the messages between nodes: a label of `socketio_adapter_limit_refusals_total`.
package enum ClusterLimit: String, CaseIterable, Sendable {
    /// The bytes of a message of another node.
    case messageBytes = "message_bytes"
    /// The nesting of a message of another node.
    case nesting
    /// The byte strings in a message of another node.
    case attachments
    /// The rooms and exceptions in a message of another node.
    case rooms
    /// The bytes of a message of this node.
    case sentBytes = "sent_bytes"
    /// The bytes of an answer of this node.
    case answerBytes = "answer_bytes"
    /// How many questions of other nodes wait for this one's answer; see ``AnswerGate``.
    case answers
    /// How many other nodes this one knows.
    case peers
    /// What other nodes have told about themselves, in bytes.
    case peerBytes = "peer_bytes"
    /// Broadcasts that wait until the history of their namespace has been read.
    case waitingEntries = "waiting_entries"
    /// The bytes of a lost session's record.
    case sessionBytes = "session_bytes"

    /// The limit that a message of another node exceeds; nil when it was dropped for another reason.
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
