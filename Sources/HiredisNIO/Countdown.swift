// Part of socketio-server, MIT licence; see LICENSE.

/// Waits for several answers; the first failure counts. Lives on the event loop of the subscriber.
final class Countdown {
    private var missing: Int
    private var failure: RedisError?
    private let done: (Result<Void, RedisError>) -> Void

    init(_ count: Int, done: @escaping (Result<Void, RedisError>) -> Void) {
        missing = count
        self.done = done
    }

    func answered(_ result: Result<Void, RedisError>) {
        if case .failure(let error) = result, failure == nil { failure = error }
        missing -= 1
        if missing == 0 { done(failure.map { .failure($0) } ?? .success(())) }
    }
}
