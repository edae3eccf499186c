// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers

/// Work whose result several callers want, such as a look at all sockets of all servers, done once for those who wait for the
/// same. Otherwise clients could have it done as often as they can ask, and what it costs grows with the number of sockets.
///
///     nobody at work ── a caller ──▶ at work for it ── done ──▶ at work for all who have come meanwhile ── … ──▶ nobody
///
/// A caller gets what was begun after its call, so nothing that was done before the call is missing. There is at most
/// one at work for a key. From any thread.
package final class SharedWork<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private enum Turn {
        /// To be done now, also for those who wait.
        case work
        /// Somebody else has done it.
        case done(Result<Value, any Error>)
    }

    private typealias Waiter = CheckedContinuation<Turn, Never>

    private struct State {
        /// Those who wait, for each key that somebody is at work for.
        var waiting: [Key: [Waiter]] = [:]
        var begun = 0
    }

    private let state = NIOLockedValueBox(State())

    package init() {}

    /// How many keys somebody is at work for.
    package var count: Int { state.withLockedValue { $0.waiting.count } }
    /// How many wait for what somebody is at work for.
    package func waiting(for key: Key) -> Int { state.withLockedValue { $0.waiting[key]?.count ?? 0 } }
    /// How often somebody has gone to work.
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

    /// The one of those who wait that goes to work now.
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
