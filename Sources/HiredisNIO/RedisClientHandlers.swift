// Part of socketio-server, MIT licence; see LICENSE.

/// What became of a publish.
package enum PublishOutcome: Sendable {
    /// Redis had it, and passed it on to so many subscribers of its own.
    case delivered(receivers: Int)
    /// Redis has added it to a stream, as the entry with this id.
    case appended(RedisStreamID)
    /// Redis refused it (rights, read-only replica).
    case refused(RedisError)
    /// It never left this process; trying again cannot double it.
    case notSent
    /// It was sent and the link was lost before the reply: it may have been delivered or not. When the server has ended
    /// the connection it takes nothing more from it; when this side has, the rest of what was sent may still be read.
    case unknown(serverEnded: Bool)
}

/// Whether a publish was taken.
package enum PublishAdmission: Sendable, Hashable {
    /// It was taken; its outcome will be told.
    case accepted
    /// There is no connection; nothing happens with it.
    case notConnected
    /// Too much waits; `onRoom` tells when to go on. Nothing happens with it.
    case full
}

/// What is told to the owner of a ``RedisClient``; every call comes on its event loop, so nothing here need be `Sendable`.
package struct RedisClientHandlers {
    /// The state changed. When it becomes `down`, all outcomes of the lost connection have been told.
    package var onState: (RedisLinkState) -> Void = { _ in }
    /// The outcome of a publish, strictly in the order they were accepted, with the tag it was given.
    package var onPublished: (_ tag: UInt64, PublishOutcome) -> Void = { _, _ in }
    /// There is room after a publish was refused as `full`.
    package var onRoom: () -> Void = {}

    package init() {}
}
