// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

// The states of the machine, and the decisions that it returns.
extension HTTPConnectionStateMachine {
    /// How far the connection is.
    package enum Phase: Equatable, Sendable {
        case serving
        /// The last answer is being sent.
        case closing(lingers: Bool)
        /// The server has closed its side. The client gets time to read, because a reset would destroy the answer.
        case lingering
        case gone
    }

    /// What happens to the body of the request in progress.
    package enum BodyUse: Equatable, Sendable {
        /// Nobody has asked for the body yet. It waits, and no more bytes are read from the client.
        case unclaimed
        /// It is collected in memory, up to this many bytes.
        case collected(limit: Int)
        case streamed
        /// Its reader has enough bytes for the moment.
        case paused
        /// Nobody wants it any more. This many bytes are read and dropped; when more come, the connection is given up.
        case discarded(budget: Int)
    }

    package enum Answer: Equatable, Sendable {
        case pending
        /// The head of a streamed answer has been written.
        case started
        case complete
    }

    /// The request in progress.
    struct Request {
        let keepsAlive: Bool
        let isUpgrade: Bool
        var use = BodyUse.unclaimed
        var answer = Answer.pending
        var isBodyComplete: Bool
        /// Whether the client waits for `100 Continue`.
        var owesContinue: Bool
        /// When the body must be complete, or for a streamed body when its next piece must have arrived.
        var bodyDeadline: NIODeadline?
        /// When a request without an answer is ended.
        var giveUpDeadline: NIODeadline?

        var wantsBody: Bool {
            if isBodyComplete { return false }
            return switch use {
            case .unclaimed, .paused: false
            case .collected, .streamed, .discarded: true
            }
        }
    }

    /// What to do with the bytes at hand.
    package enum Step: Equatable, Sendable {
        case readHead
        case readBody
        /// Answer and body are complete: forget the request, and call ``requestEnded()``.
        case endRequest
        /// Do nothing until something happens.
        case wait
    }

    /// What to do with a piece of a body.
    package enum BodyStep: Equatable, Sendable {
        /// Pass it to the collector or the stream.
        case deliver
        /// Tell the collector that the body is too large.
        case refuse
        case drop
        /// End the connection instead of waiting for the end of the body.
        case giveUp(Ending)
    }

    /// How the connection ends.
    package enum Ending: Equatable, Sendable {
        /// It does not end, or is ending already.
        case none
        /// It ends when everything written has been sent.
        case afterWrites
        case close
        /// The server closes its side now (``outputClosed(now:)``), and the rest when the client has closed its side or
        /// at the deadline.
        case closeOutput
    }

    /// What to do when a deadline has passed.
    package enum TimeOut: Equatable, Sendable {
        /// No answer is owed. The limit, if any, is to be counted.
        case close(HTTPLimit?)
        /// The client gets 408.
        case refuse(HTTPLimit)
    }
}
