// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers

/// The asynchronous handlers and middlewares of one event loop's sockets that have not ended: a server that closes waits for
/// them.
///
/// From any thread: handlers begin on the loop, those of server events where the event arrives, and end anywhere.
final class RunningHandlers: Sendable {
    /// One running handler or middleware.
    struct Token: Sendable {
        let list: RunningHandlers
        let number: UInt64

        /// The handler waits for the end of the server, so the end must not wait for the handler.
        func exclude() { list.exclude(number) }
    }

    /// The handler that is running; tasks that it starts inherit it.
    @TaskLocal static var current: Token?

    private struct Entry {
        let owner: ObjectIdentifier?
        /// Nil until the first suspension.
        var task: Task<Void, Never>?
        var isExcluded = false
        var isCancelled = false
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        /// The numbers of each owner's entries; empty when handlers are not cancelled at the disconnection.
        var owned: [ObjectIdentifier: Set<UInt64>] = [:]
        var last: UInt64 = 0
        var excluded = 0
        var isCancelled = false
    }

    private let state = NIOLockedValueBox(State())
    private let knowsOwners: Bool

    /// - Parameter knowsOwners: whether `cancel(owner:)` is going to be used.
    init(knowsOwners: Bool) {
        self.knowsOwners = knowsOwners
    }

    /// How many have not ended.
    var count: Int { state.withLockedValue { $0.entries.count } }

    /// How many the end of the server waits for.
    var awaitedCount: Int { state.withLockedValue { $0.entries.count - $0.excluded } }

    /// How many wait for the end of the server themselves.
    var excludedCount: Int { state.withLockedValue { $0.excluded } }

    /// Starts `work`, on this thread and before the call returns, up to its first suspension. After that it runs where Swift
    /// runs asynchronous functions, and the event loop is free.
    func start(_ owner: AnyObject? = nil, _ work: @escaping @Sendable () async -> Void) {
        let number = begin(owner.map { ObjectIdentifier($0) })
        let token = Token(list: self, number: number)
        let task = Task.immediate {
            await Self.$current.withValue(token, operation: work)
            self.ended(number)
        }
        suspended(number, task)
    }

    private func begin(_ owner: ObjectIdentifier?) -> UInt64 {
        state.withLockedValue { state in
            state.last += 1
            state.entries[state.last] = Entry(owner: owner)
            if knowsOwners, let owner { state.owned[owner, default: []].insert(state.last) }
            return state.last
        }
    }

    private func suspended(_ number: UInt64, _ task: Task<Void, Never>) {
        let isTooLate = state.withLockedValue { state in
            // Nothing, if it has ended.
            state.entries[number]?.task = task
            return state.isCancelled || state.entries[number]?.isCancelled ?? false
        }
        if isTooLate { task.cancel() }
    }

    private func ended(_ number: UInt64) {
        state.withLockedValue { state in
            guard let entry = state.entries.removeValue(forKey: number) else { return }
            if entry.isExcluded { state.excluded -= 1 }
            guard knowsOwners, let owner = entry.owner else { return }
            state.owned[owner]?.remove(number)
            if state.owned[owner]?.isEmpty ?? false { state.owned[owner] = nil }
        }
    }

    private func exclude(_ number: UInt64) {
        state.withLockedValue { state in
            guard state.entries[number]?.isExcluded == false else { return }
            state.entries[number]?.isExcluded = true
            state.excluded += 1
        }
    }

    // MARK: Cancelling

    /// Cancels all that an owner has started.
    func cancel(owner: AnyObject) {
        let tasks = state.withLockedValue { state in
            (state.owned[ObjectIdentifier(owner)] ?? []).compactMap { number in
                // One that disconnects its own socket has not been suspended yet.
                state.entries[number]?.isCancelled = true
                return state.entries[number]?.task
            }
        }
        for task in tasks { task.cancel() }
    }

    /// Cancels all that the end of the server waits for, and those that begin from now on. Returns how many there are.
    func cancelAll() -> Int {
        let tasks = state.withLockedValue { state in
            state.isCancelled = true
            return state.entries.values.filter { !$0.isExcluded }.compactMap(\.task)
        }
        for task in tasks { task.cancel() }
        return tasks.count
    }
}
