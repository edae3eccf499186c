// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// How much may be queued for one client, and for how long.
package struct SlowClientLimits: Sendable, Equatable {
    /// The soft bound: bytes above which the client's progress is watched.
    package var softBound: Int
    /// The hard bound: bytes that the queue of one client never reaches, except with a single larger message.
    package var hardBound: Int
    /// How long a client above the soft bound may make no progress.
    package var timeout: TimeAmount

    /// A soft bound above the hard bound has no effect.
    package init(softBound: Int, hardBound: Int, timeout: TimeAmount) {
        self.softBound = min(softBound, hardBound)
        self.hardBound = hardBound
        self.timeout = timeout
    }
}

/// Decides when a client reads too slowly.
///
///     calm ──more than the soft bound waits──▶ watched ──no progress for the timeout──▶ too slow
///      ▲                                          │
///      └──────the soft bound or less waits────────┘         any state ──the hard bound──▶ too slow
///
/// A client that makes any progress is too slow only at the hard bound. Progress means that a byte was sent to the
/// client or that a poll was answered. The owner reports the queued bytes and when data was sent; time comes in as an
/// argument.
package struct SlowClientStateMachine: Sendable {
    private enum State {
        case calm
        case watched(since: NIODeadline)
    }

    private let limits: SlowClientLimits
    private var state = State.calm

    package init(limits: SlowClientLimits) {
        self.limits = limits
    }

    /// Whether the client's progress is being watched.
    package var isWatched: Bool {
        if case .watched = state { true } else { false }
    }

    package enum QueueAction: Equatable, Sendable {
        /// The message may be queued.
        case keep
        /// The message may be queued, but volatile messages are dropped first: the soft bound has been exceeded.
        case keepAndDropVolatile
        /// The queue has no room for the message.
        case refuse
    }

    /// A message has to be queued.
    /// - Parameters:
    ///   - bytes: the cost of the message.
    ///   - waiting: the bytes that are queued already.
    ///   - now: the current time; used only when watching starts.
    package mutating func queueing(_ bytes: Int, waiting: Int, now: @autoclosure () -> NIODeadline) -> QueueAction {
        let total = waiting.addingReportingOverflow(bytes)
        // A single message may exceed the bound, since it could otherwise never be sent.
        guard waiting == 0 || (!total.overflow && total.partialValue <= limits.hardBound) else { return .refuse }
        guard total.overflow || total.partialValue > limits.softBound else { return .keep }
        if case .calm = state { state = .watched(since: now()) }
        return .keepAndDropVolatile
    }

    /// Data has been sent, and `waiting` bytes are still queued.
    package mutating func progressed(waiting: Int, now: @autoclosure () -> NIODeadline) {
        state = waiting > limits.softBound ? .watched(since: now()) : .calm
    }

    /// Messages were dropped, and `waiting` bytes are still queued: this is no progress, but it may end the watching.
    package mutating func dropped(waiting: Int) {
        if waiting <= limits.softBound { state = .calm }
    }

    /// Whether the client has made no progress for too long.
    package func isTooSlow(now: NIODeadline) -> Bool {
        guard case .watched(let since) = state else { return false }
        return now - since >= limits.timeout
    }
}
