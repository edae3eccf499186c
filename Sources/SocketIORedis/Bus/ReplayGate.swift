// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Whether messages that waited through an outage may go out: the nodes they are meant for come back at their own pace.
struct ReplayGate {
    private enum State {
        case closed
        case waiting(attempt: Int, until: NIODeadline)
        case open
    }

    private let grace: TimeAmount
    private var state = State.closed
    private var attempts = 0

    init(grace: TimeAmount) {
        self.grace = grace
    }

    var isOpen: Bool { if case .open = state { true } else { false } }

    /// Redis is back.
    mutating func begin(at now: NIODeadline, atMost limit: TimeAmount = .hours(1)) {
        attempts += 1
        state = .waiting(attempt: attempts, until: now + min(grace, limit))
    }

    /// A number for another look at who is back; nil when there has been time enough.
    mutating func attempt(at now: NIODeadline) -> Int? {
        guard case .waiting(_, let until) = state, now < until else { return nil }
        attempts += 1
        state = .waiting(attempt: attempts, until: until)
        return attempts
    }

    func isCurrent(_ attempt: Int) -> Bool {
        if case .waiting(attempt, _) = state { true } else { false }
    }

    mutating func open() { state = .open }
    mutating func close() { state = .closed }
}
