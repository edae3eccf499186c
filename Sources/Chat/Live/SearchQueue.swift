// Part of socketio-server, MIT licence; see LICENSE.

internal import DequeModule
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOServer

/// Searches use half of the processor's cores at most, so that everything else goes on; further ones wait for their turn.
final class SearchQueue: Sendable {
    private struct State {
        var running = 0
        /// Each learns whether it is its turn.
        var waiting: Deque<CheckedContinuation<Bool, Never>> = []
    }

    /// Searches that may wait; one more is refused.
    static let maximumWaiting = 64

    private let maximumRunning: Int
    private let state = NIOLockedValueBox(State())

    init(maximumRunning: Int = max(1, System.coreCount / 2)) { self.maximumRunning = maximumRunning }

    /// How many searches wait.
    var waitingCount: Int { state.withLockedValue { $0.waiting.count } }

    /// Runs `search` when it is its turn.
    ///
    /// - Throws: `EventError` with the code `busy` when too many wait; what `search` throws.
    func run<Found>(_ search: () async throws -> Found) async throws -> Found {
        let isItsTurn = await withCheckedContinuation { continuation in
            let answer = state.withLockedValue { state -> Bool? in
                if state.running < maximumRunning {
                    state.running += 1
                    return true
                }
                guard state.waiting.count < Self.maximumWaiting else { return false }
                state.waiting.append(continuation)
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
        guard isItsTurn else { throw EventError.refusal(.busy, "Too many people are searching; try again.") }
        defer { end() }
        return try await search()
    }

    /// Gives the turn to the next search, if one waits.
    private func end() {
        let next = state.withLockedValue { state in
            if state.waiting.isEmpty { state.running -= 1 }
            return state.waiting.popFirst()
        }
        next?.resume(returning: true)
    }
}
