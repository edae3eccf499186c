// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// How much may wait for one client, and for how long.
package struct SlowClientLimits: Sendable, Equatable {
    /// Bytes above which the client's progress is watched.
    package var softBound: Int
    /// Bytes that never wait for one client; one message alone may be larger.
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
/// A client that makes progress, however little, is too slow only at the hard bound. Progress is a byte that left for the
/// client, or a poll that was answered. The owner says what waits and when something left; time comes in as an argument.
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
        /// The message may wait.
        case keep
        /// The same, and what may be lost is dropped first: the soft bound has been passed.
        case keepAndDropVolatile
        /// There is no room for the message.
        case refuse
    }

    /// A message has to wait.
    /// - Parameters:
    ///   - bytes: what the message costs.
    ///   - waiting: what waits already.
    ///   - now: the moment; looked at only when the watch begins.
    package mutating func queueing(_ bytes: Int, waiting: Int, now: @autoclosure () -> NIODeadline) -> QueueAction {
        let total = waiting.addingReportingOverflow(bytes)
        // A message may be larger than the bound, or it could never be sent.
        guard waiting == 0 || (!total.overflow && total.partialValue <= limits.hardBound) else { return .refuse }
        guard total.overflow || total.partialValue > limits.softBound else { return .keep }
        if case .calm = state { state = .watched(since: now()) }
        return .keepAndDropVolatile
    }

    /// Something has left, and `waiting` bytes still wait.
    package mutating func progressed(waiting: Int, now: @autoclosure () -> NIODeadline) {
        state = waiting > limits.softBound ? .watched(since: now()) : .calm
    }

    /// Something was given up, and `waiting` bytes still wait: no progress, but perhaps the end of the watch.
    package mutating func dropped(waiting: Int) {
        if waiting <= limits.softBound { state = .calm }
    }

    /// Whether the client has made no progress for too long.
    package func isTooSlow(now: NIODeadline) -> Bool {
        guard case .watched(let since) = state else { return false }
        return now - since >= limits.timeout
    }
}
