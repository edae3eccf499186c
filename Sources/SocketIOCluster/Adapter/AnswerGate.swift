// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore

/// Limits how many questions of other nodes are answered at the same time, and answers them in the order in which they
/// came.
///
/// An answer that describes all sockets takes processor time and memory in proportion to their number, and everyone who
/// can publish may ask as often as they like. Many answers at the same time would fill the memory and delay all other
/// work of the threads, health checks included. A question that has waited longer than the asking node waits is not
/// answered.
///
///     enter ── fewer than `width` at work ──▶ at work ── leave ──▶ the next
///       ├───── fewer than `depth` wait ─────▶ waiting ── too long ──▶ refused
///       └───── otherwise ───────────────────▶ refused
///
/// From any thread.
package final class AnswerGate: Sendable {
    /// How many answers are made at once.
    static let width = 2
    /// How many questions may wait.
    static let depth = 1024

    private typealias Turn = CheckedContinuation<Bool, Never>

    private struct State {
        var atWork = 0
        var waiting = CircularBuffer<(turn: Turn, until: NIODeadline)>()
    }

    private let patience: TimeAmount
    private let state = NIOLockedValueBox(State())

    /// - Parameter patience: how long the asking node waits for its answer.
    init(patience: TimeAmount) { self.patience = patience }

    /// How many answers are being made, and how many questions wait.
    var load: (atWork: Int, waiting: Int) { state.withLockedValue { ($0.atWork, $0.waiting.count) } }

    /// Waits until it is this answer's turn. After true, the caller must call ``leave(at:)``; after false, it must not
    /// answer.
    func enter(at now: NIODeadline = .now()) async -> Bool {
        await withCheckedContinuation { turn in
            let verdict: Bool? = state.withLockedValue { state in
                if state.atWork < Self.width {
                    state.atWork += 1
                    return true
                }
                guard state.waiting.count < Self.depth else { return false }
                state.waiting.append((turn, now + patience))
                return nil
            }
            if let verdict { turn.resume(returning: verdict) }
        }
    }

    /// Ends this answer's turn, so that the next question can be answered.
    func leave(at now: NIODeadline = .now()) {
        let (late, next) = state.withLockedValue { state -> ([Turn], Turn?) in
            var late: [Turn] = []
            while let first = state.waiting.popFirst() {
                if first.until > now { return (late, first.turn) }
                late.append(first.turn)
            }
            state.atWork -= 1
            return (late, nil)
        }
        for turn in late { turn.resume(returning: false) }
        next?.resume(returning: true)
    }
}
