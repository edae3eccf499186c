// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Tells which messages Redis has passed on although its reply never came: this node hears its own messages too.
///
/// When a publishing connection breaks, Redis has taken a beginning of what was sent and not the rest. Once this node has
/// heard something it sent later on, the last of its messages it had heard before is where that beginning ends. Only
/// what is certain counts: with a gap in hearing, or when the last message heard is none of those looked at, nothing is
/// known, and a message in doubt is not sent again.
struct EchoTracker {
    /// This node has heard everything since then.
    private var hearsSince: NIODeadline?
    private var lastHeard: ByteBuffer?
    /// The last message that Redis has confirmed, of those this node hears.
    private var lastConfirmed: ByteBuffer?

    mutating func subscriberChanged(isUp: Bool, at now: NIODeadline) {
        hearsSince = isUp ? now : nil
        lastHeard = nil
        lastConfirmed = nil
    }

    /// A message was lost on its way in: what has been heard so far says nothing any more.
    mutating func hearingFailed(at now: NIODeadline) {
        if hearsSince != nil { subscriberChanged(isUp: true, at: now) }
    }

    mutating func heard(_ payload: ByteBuffer) { lastHeard = payload }

    mutating func confirmed(_ payload: ByteBuffer) {
        if hearsSince != nil { lastConfirmed = payload }
    }

    var canTell: Bool { hearsSince != nil }

    /// How many of the messages in doubt, given in their order, Redis has passed on; nil when that cannot be told. To be
    /// asked when everything has been heard that Redis took from the connection.
    func passedOn(of doubtful: [PublishQueue.Entry]) -> Int? {
        guard let hearsSince, doubtful.allSatisfy({ $0.isHeard && $0.sent >= hearsSince }) else { return nil }
        guard let lastHeard else { return lastConfirmed == nil ? 0 : nil }
        // Of messages with the same bytes the later: rather one lost than one doubled.
        if let index = doubtful.lastIndex(where: { $0.message.payload == lastHeard }) { return index + 1 }
        return lastConfirmed == lastHeard ? 0 : nil
    }
}
