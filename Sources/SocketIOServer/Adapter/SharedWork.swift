// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers

/// Does expensive work, such as a question about all sockets of all servers, once for all callers that wait for the same result.
/// Otherwise clients could cause this work as often as they can ask, and its cost grows with the number of sockets.
///
///     idle ── a call ──▶ working for that caller ── done ──▶ working for all callers that came meanwhile ── … ──▶ idle
///
/// A caller gets the result of work that began after its call, so the result contains everything that happened before the call.
/// For each key one caller works at a time. From any thread.
package final class SharedWork<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private enum Turn {
        /// The caller does the work now, also for the callers that wait.
        case work
        /// Another caller has done the work.
        case done(Result<Value, any Error>)
    }

    private typealias Waiter = CheckedContinuation<Turn, Never>

    private struct State {
        /// The callers that wait, for each key whose work is under way.
        var waiting: [Key: [Waiter]] = [:]
        var begun = 0
    }

    private let state = NIOLockedValueBox(State())

    package init() {}

    /// For how many keys work is under way.
    package var count: Int { state.withLockedValue { $0.waiting.count } }
    /// How many callers wait for the work of this key.
    package func waiting(for key: Key) -> Int { state.withLockedValue { $0.waiting[key]?.count ?? 0 } }
    /// How often work has begun.
    package var begun: Int { state.withLockedValue { $0.begun } }

    /// The result of `work`, or of the same work of another caller that was begun after this call.
    package func value(for key: Key, _ work: () async throws -> Value) async throws -> Value {
        let turn = await withCheckedContinuation { continuation in
            let isFree = state.withLockedValue { state in
                guard state.waiting[key] != nil else {
                    state.waiting[key] = []
                    return true
                }
                state.waiting[key]?.append(continuation)
                return false
            }
            if isFree { continuation.resume(returning: .work) }
        }
        if case .done(let result) = turn { return try result.get() }
        // Who comes from now on may want to see more than this will.
        let others = state.withLockedValue { state in
            state.begun += 1
            return state.waiting.updateValue([], forKey: key) ?? []
        }
        let result: Result<Value, any Error>
        do { result = .success(try await work()) } catch { result = .failure(error) }
        for other in others { other.resume(returning: .done(result)) }
        next(for: key)?.resume(returning: .work)
        return try result.get()
    }

    /// Takes the waiting caller that does the work next.
    private func next(for key: Key) -> Waiter? {
        state.withLockedValue { state in
            guard let next = state.waiting[key]?.first else {
                state.waiting[key] = nil
                return nil
            }
            state.waiting[key]?.removeFirst()
            return next
        }
    }
}
