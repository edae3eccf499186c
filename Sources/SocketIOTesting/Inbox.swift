// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers

/// Values that arrive by themselves and are taken one at a time by a test; every wait has a deadline.
///
/// A closed inbox still gives what arrived before it closed, then throws the reason.
public final class Inbox<Element: Sendable>: Sendable {
    private struct Waiter {
        let id: UInt64
        let continuation: CheckedContinuation<Element, any Error>
    }

    private enum Outcome {
        case ready(Element)
        case ended(any Error)
        case waiting
    }

    private struct State {
        var elements: [Element] = []
        var first = 0
        var end: (any Error)?
        var waiters: [Waiter] = []
        var nextID: UInt64 = 0
    }

    private let state = NIOLockedValueBox(State())
    private let name: String

    /// An empty inbox; `name` appears in the text of a missed deadline.
    public init(_ name: String) {
        self.name = name
    }

    /// Adds a value, or hands it to the longest waiting reader.
    public func push(_ element: Element) {
        let waiter: Waiter? = state.withLockedValue { state in
            guard state.end == nil else { return nil }
            guard state.waiters.isEmpty else { return state.waiters.removeFirst() }
            state.elements.append(element)
            return nil
        }
        waiter?.continuation.resume(returning: element)
    }

    /// Ends the inbox; only the first reason counts.
    public func finish(_ error: any Error) {
        let waiters: [Waiter] = state.withLockedValue { state in
            guard state.end == nil else { return [] }
            state.end = error
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(throwing: error) }
    }

    /// How many values wait to be taken.
    public var count: Int { state.withLockedValue { $0.elements.count - $0.first } }

    /// Whether nothing more can arrive.
    public var isFinished: Bool { state.withLockedValue { $0.end != nil } }

    /// Takes everything that has arrived so far, without waiting.
    public func takeAll() -> [Element] {
        state.withLockedValue { state in
            defer {
                state.elements = []
                state.first = 0
            }
            return Array(state.elements[state.first...])
        }
    }

    /// The next value, waiting at most `timeout`.
    ///
    /// Throws ``TestClientError/timedOut(_:)``, or the reason why the inbox ended.
    public func next(within timeout: Duration = .seconds(10)) async throws -> Element {
        let id = state.withLockedValue { state in
            state.nextID += 1
            return state.nextID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.wait(Waiter(id: id, continuation: continuation), timeout: timeout)
            }
        } onCancel: {
            self.expire(id, with: CancellationError())
        }
    }

    private func wait(_ waiter: Waiter, timeout: Duration) {
        let outcome: Outcome = state.withLockedValue { state in
            if state.first < state.elements.count {
                let element = state.elements[state.first]
                state.first += 1
                if state.first > 64, state.first * 2 > state.elements.count {
                    state.elements.removeFirst(state.first)
                    state.first = 0
                }
                return .ready(element)
            }
            if let end = state.end { return .ended(end) }
            state.waiters.append(waiter)
            return .waiting
        }
        switch outcome {
        case .ready(let element): waiter.continuation.resume(returning: element)
        case .ended(let error): waiter.continuation.resume(throwing: error)
        case .waiting:
            let name = self.name
            Task { [weak self] in
                try? await Task.sleep(for: timeout)
                self?.expire(waiter.id, with: TestClientError.timedOut("\(name) (\(timeout))"))
            }
        }
    }

    private func expire(_ id: UInt64, with error: any Error) {
        let waiter: Waiter? = state.withLockedValue { state in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiters.remove(at: index)
        }
        waiter?.continuation.resume(throwing: error)
    }
}
