// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore

/// Lets a number of tasks work at the same time. Others wait, in the order of their calls.
final class ReplayGate: Sendable {
    private struct State {
        var working = 0
        var waiting: [UInt64: CheckedContinuation<Bool, Never>] = [:]
        /// In the order of their calls, cancelled ones included.
        var order = CircularBuffer<UInt64>()
        /// How many tasks have paused and do not work again yet.
        var paused = 0
        /// The tasks whose pause is over, in this order.
        var returning = CircularBuffer<CheckedContinuation<Void, Never>>()
        var tickets: UInt64 = 0
    }

    /// What a place is given to.
    private enum Next {
        case waiting(CheckedContinuation<Bool, Never>)
        case returning(CheckedContinuation<Void, Never>)
    }

    private let maximum: Int
    private let maximumWaiting: Int
    private let state = NIOLockedValueBox(State())

    init(maximum: Int, maximumWaiting: Int) {
        self.maximum = maximum
        self.maximumWaiting = maximumWaiting
    }

    /// How many work, and how many wait for their turn.
    var load: (working: Int, waiting: Int) { state.withLockedValue { ($0.working, $0.waiting.count) } }

    /// How many have paused and do not work again yet.
    var paused: Int { state.withLockedValue { $0.paused } }

    /// How many have paused and wait for their place.
    var returning: Int { state.withLockedValue { $0.returning.count } }

    /// How many entries the order has, those of cancelled tasks included.
    var orderCount: Int { state.withLockedValue { $0.order.count } }

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

    /// Within ``run(_:)``: waits for something else, and lets another task work meanwhile. Afterwards the caller is the next
    /// to work, before all that have not begun. When too many have paused, the caller keeps its place.
    func pausing<Value: Sendable>(_ body: () async -> Value) async -> Value {
        let isPaused = state.withLockedValue { state in
            guard state.paused < maximumWaiting else { return false }
            state.paused += 1
            return true
        }
        guard isPaused else { return await body() }
        leave()
        let value = await body()
        // Also when cancelled: those that work soon leave, and `run` gives the place back.
        await withCheckedContinuation { continuation in
            let isEntered = state.withLockedValue { state in
                guard state.working < maximum else {
                    state.returning.append(continuation)
                    return false
                }
                state.working += 1
                state.paused -= 1
                return true
            }
            if isEntered { continuation.resume() }
        }
        return value
    }

    private func enter() async -> Bool {
        let ticket = state.withLockedValue { state in
            state.tickets += 1
            return state.tickets
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isEntered = state.withLockedValue { state -> Bool? in
                    if Task.isCancelled { return false }
                    if state.working < maximum {
                        state.working += 1
                        return true
                    }
                    guard state.waiting.count < maximumWaiting else { return false }
                    state.waiting[ticket] = continuation
                    state.order.append(ticket)
                    if state.order.count / 2 > maximumWaiting { Self.forgetCancelled(&state) }
                    return nil
                }
                if let isEntered { continuation.resume(returning: isEntered) }
            }
        } onCancel: {
            state.withLockedValue { $0.waiting.removeValue(forKey: ticket) }?.resume(returning: false)
        }
    }

    private static func forgetCancelled(_ state: inout State) {
        state.order = CircularBuffer(state.order.filter { state.waiting[$0] != nil })
    }

    private func leave() {
        let next = state.withLockedValue { state -> Next? in
            if let returning = state.returning.popFirst() {
                state.paused -= 1
                return .returning(returning)
            }
            while let first = state.order.popFirst() {
                if let found = state.waiting.removeValue(forKey: first) { return .waiting(found) }
            }
            state.working -= 1
            return nil
        }
        switch next {
        case .waiting(let continuation): continuation.resume(returning: true)
        case .returning(let continuation): continuation.resume()
        case nil: break
        }
    }
}
