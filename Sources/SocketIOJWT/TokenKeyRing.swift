// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers

/// The keys that hold at the moment: some that are given, and optionally a set that is fetched from elsewhere and fetched
/// again now and then.
///
/// A token that names an unknown key makes it fetch at once, but not more often than the retry time says, however many
/// such tokens come. When fetching fails, the keys fetched before stay.
public final class TokenKeyRing: Sendable {
    /// A key set elsewhere.
    public struct Remote: Sendable {
        /// Gets the JSON of the set.
        public var fetch: @Sendable () async throws -> [UInt8]
        /// Time between two fetches.
        public var interval: Duration
        /// Least time between two fetches: after a failure, and for tokens with unknown keys.
        public var retry: Duration
        /// Hears how each fetch went: how many keys there are, or what is wrong.
        public var onFetch: @Sendable (Result<Int, any Error>) -> Void

        /// A set that is fetched by a closure.
        public init(
            interval: Duration = .seconds(300), retry: Duration = .seconds(10),
            onFetch: @escaping @Sendable (Result<Int, any Error>) -> Void = { _ in },
            fetch: @escaping @Sendable () async throws -> [UInt8]
        ) {
            self.fetch = fetch
            self.interval = interval
            self.retry = retry
            self.onFetch = onFetch
        }
    }

    private struct State {
        var keys: TokenKeys
        var fetched: TokenKeys
        var fetch: Task<Bool, Never>?
        var lastFetch: ContinuousClock.Instant?
    }

    private let given: TokenKeys
    private let remote: Remote?
    private let algorithms: [TokenAlgorithm]
    private let state: NIOLockedValueBox<State>

    /// Keys that are given, and a set to fetch. Nothing is fetched before ``run()`` or the first token.
    ///
    /// - Parameters:
    ///   - keys: Keys that always hold.
    ///   - remote: The set to fetch.
    ///   - algorithms: What the keys of that set may be used for.
    ///   - fetched: What holds of it until then, as from another ring.
    public init(
        _ keys: TokenKeys, remote: Remote? = nil, algorithms: [TokenAlgorithm] = TokenAlgorithm.common,
        fetched: TokenKeys = .none
    ) {
        self.given = keys
        self.remote = remote
        self.algorithms = algorithms
        self.state = NIOLockedValueBox(State(keys: keys + fetched, fetched: fetched))
    }

    /// The keys of the moment.
    public var keys: TokenKeys { state.withLockedValue { $0.keys } }

    /// Those of them that were fetched.
    public var fetched: TokenKeys { state.withLockedValue { $0.fetched } }

    /// Fetches now and then until the task is cancelled; returns at once when there is nothing to fetch.
    public func run() async {
        guard let remote else { return }
        while !Task.isCancelled {
            let isFetched = await refresh(force: true)
            try? await Task.sleep(for: isFetched ? remote.interval : min(remote.retry, remote.interval))
        }
    }

    /// For a token whose key is not here: fetches, unless that was done just now.
    ///
    /// - Returns: whether it is worth looking again.
    func refresh() async -> Bool { await refresh(force: false) }

    private func refresh(force: Bool) async -> Bool {
        guard let remote else { return false }
        let now = ContinuousClock.now
        let task = state.withLockedValue { state -> Task<Bool, Never>? in
            if let running = state.fetch { return running }
            if !force, let last = state.lastFetch, now < last + remote.retry { return nil }
            state.lastFetch = now
            let task = Task { await self.fetch(remote) }
            state.fetch = task
            return task
        }
        return await task?.value ?? false
    }

    private func fetch(_ remote: Remote) async -> Bool {
        let result: Result<TokenKeys, any Error>
        do {
            result = .success(try await TokenKeys.jwks(try await remote.fetch(), algorithms: algorithms))
        } catch {
            result = .failure(error)
        }
        state.withLockedValue { state in
            state.fetch = nil
            if case .success(let keys) = result {
                state.fetched = keys
                state.keys = given + keys
            }
        }
        remote.onFetch(result.map(\.count))
        return (try? result.get()) != nil
    }
}
