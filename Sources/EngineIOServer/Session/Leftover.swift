// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore

/// What a transport was seen to hold; when it differs from last time, something has left.
struct ProgressMark: Equatable {
    /// Bytes that the kernel was not yet given.
    var unwritten = 0
    /// Bytes that the kernel was given and the client has not acknowledged.
    var unacknowledged = 0
}

/// What is left over for a client that has not taken everything yet: waiting messages, what the transport still holds, and
/// how the client does. A session has one only as long as something is left over.
///
/// Every event to a polling client passes through one. Properties that each of them uses are not checked for overlapping access:
/// they are values that call nothing back. The checks would be 2 % of an echo over long-polling.
final class Leftover {
    @exclusivity(unchecked) var messages = WaitingMessages()
    /// What the transport has been given and still holds, for the budget.
    @exclusivity(unchecked) var inFlight: [HeldBytes] = []
    @exclusivity(unchecked) var machine: SlowClientStateMachine
    var mark: ProgressMark?
    /// Where the shard's list has the session.
    @exclusivity(unchecked) var listIndex = -1
    /// Messages that were dropped since something was left over.
    var dropped = 0
    /// Of these, what the handler has not been told.
    @exclusivity(unchecked) var unreported = 0
    /// Called, in order, when there is room for another message, or with false when the session ends.
    @exclusivity(unchecked) var waiters: [(Bool) -> Void] = []

    init(limits: SlowClientLimits) {
        machine = SlowClientStateMachine(limits: limits)
    }

    /// Makes it as a new one, for another session. It must be spent.
    func reuse(limits: SlowClientLimits) {
        machine = SlowClientStateMachine(limits: limits)
        mark = nil
        dropped = 0
    }

    var isSpent: Bool { messages.isEmpty && inFlight.isEmpty && waiters.isEmpty && unreported == 0 }
}
