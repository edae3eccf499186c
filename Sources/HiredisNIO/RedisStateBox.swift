// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore

/// The state of a link, for reading anywhere, as a stream, and for waiting.
package final class RedisStateBox: Sendable {
    private struct Contents {
        var state: RedisLinkState = .connecting
        var nextID = 0
        var streams: [Int: AsyncStream<RedisLinkState>.Continuation] = [:]
    }

    private let contents = NIOLockedValueBox(Contents())

    package init() {}

    var state: RedisLinkState { contents.withLockedValue { $0.state } }

    /// Returns whether the state is another one than before.
    @discardableResult
    func set(_ state: RedisLinkState) -> Bool {
        let streams: [AsyncStream<RedisLinkState>.Continuation]? = contents.withLockedValue { contents in
            guard contents.state != state, contents.state != .closed else { return nil }
            contents.state = state
            defer { if state == .closed { contents.streams = [:] } }
            return Array(contents.streams.values)
        }
        guard let streams else { return false }
        for stream in streams {
            stream.yield(state)
            if state == .closed { stream.finish() }
        }
        return true
    }

    /// The present state, then every change; slow readers get the newest 16. Ends after `closed`.
    func stream() -> AsyncStream<RedisLinkState> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: RedisLinkState.self, bufferingPolicy: .bufferingNewest(16))
        let id: Int? = contents.withLockedValue { contents in
            continuation.yield(contents.state)
            guard contents.state != .closed else { return nil }
            contents.nextID += 1
            contents.streams[contents.nextID] = continuation
            return contents.nextID
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.contents.withLockedValue { _ = $0.streams.removeValue(forKey: id) }
        }
        return stream
    }

    /// Waits until the link is up (or degraded).
    ///
    /// - Throws: the last reason when the time is over, `closed` when the link is closed.
    func waitUntilConnected(within limit: TimeAmount, on eventLoop: any EventLoop) async throws(RedisError) {
        let stream = stream()
        let timer = eventLoop.scheduleTask(in: limit) { [weak self] in self?.wake() }
        defer { timer.cancel() }
        let deadline = NIODeadline.now() + limit
        for await state in stream {
            if state.isConnected { return }
            if state == .closed { throw .closedByOwner }
            if NIODeadline.now() >= deadline { break }
        }
        let milliseconds = limit.nanoseconds / 1_000_000
        throw RedisError(.timeout, "Redis was not reached within \(milliseconds) ms; \(state)")
    }

    /// Tells all streams the state once more.
    private func wake() {
        contents.withLockedValue { contents in
            for stream in contents.streams.values { stream.yield(contents.state) }
        }
    }
}
