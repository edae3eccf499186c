// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore

/// Lets a number of tasks work at the same time. Others wait, in the order of their calls.
final class ReplayGate: Sendable {
    private struct State {
        var working = 0
        var waiting: [ObjectIdentifier: CheckedContinuation<Bool, Never>] = [:]
        /// In the order of their calls, cancelled ones included.
        var order = CircularBuffer<ObjectIdentifier>()
    }

    /// The place of a task that waits.
    private final class Ticket: Sendable {}

    private let maximum: Int
    private let maximumWaiting: Int
    private let state = NIOLockedValueBox(State())

    init(maximum: Int, maximumWaiting: Int) {
        self.maximum = maximum
        self.maximumWaiting = maximumWaiting
    }

    /// How many work, and how many wait.
    var load: (working: Int, waiting: Int) { state.withLockedValue { ($0.working, $0.waiting.count) } }

    /// Runs `body` when it is its turn.
    ///
    /// - Throws: ``SocketError`` with code `overloaded` when too many wait; `CancellationError`.
    func run<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        guard await enter() else {
            try Task.checkCancellation()
            throw SocketError(.overloaded, "too many replays of histories are waiting")
        }
        defer { leave() }
        try Task.checkCancellation()
        return try await body()
    }

    private func enter() async -> Bool {
        let ticket = Ticket()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isEntered = state.withLockedValue { state -> Bool? in
                    if Task.isCancelled { return false }
                    if state.working < maximum {
                        state.working += 1
                        return true
                    }
                    guard state.waiting.count < maximumWaiting else { return false }
                    state.waiting[ObjectIdentifier(ticket)] = continuation
                    state.order.append(ObjectIdentifier(ticket))
                    return nil
                }
                if let isEntered { continuation.resume(returning: isEntered) }
            }
        } onCancel: {
            state.withLockedValue { $0.waiting.removeValue(forKey: ObjectIdentifier(ticket)) }?.resume(returning: false)
        }
    }

    private func leave() {
        let next = state.withLockedValue { state -> CheckedContinuation<Bool, Never>? in
            while let first = state.order.popFirst() {
                if let found = state.waiting.removeValue(forKey: first) { return found }
            }
            state.working -= 1
            return nil
        }
        next?.resume(returning: true)
    }
}
