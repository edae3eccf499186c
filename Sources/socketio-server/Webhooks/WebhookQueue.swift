// Part of socketio-server, MIT licence; see LICENSE.

internal import DequeModule
internal import NIOConcurrencyHelpers
internal import SocketIOServer

/// What has happened and is not delivered yet, in order, up to a number of bytes. What comes when it is full is dropped and
/// counted.
final class WebhookQueue: Sendable {
    private struct State {
        var texts: Deque<String> = []
        var bytes = 0
        var dropped = 0
        var number = 0
    }

    /// Yields when an event has been added.
    let arrivals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation
    private let state = NIOLockedValueBox(State())
    private let node: String
    private let maximumBytes: Int

    init(node: String, maximumBytes: Int) {
        self.node = node
        self.maximumBytes = maximumBytes
        (arrivals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Adds something that has happened. May be called from any thread.
    func add(_ kind: WebhookKind, _ members: SocketObject) {
        var event: SocketObject = ["type": .string(kind.rawValue), "node": .string(node)]
        for (name, value) in members { event[name] = value }
        let text = try? RawJSON(around: .object(event)).json
        let isAdded = state.withLockedValue { state in
            // Those that are dropped have a number, too: the gap tells the receiver.
            state.number += 1
            guard let text else {
                state.dropped += 1
                return false
            }
            let whole = #"{"id":"\#(node)-\#(state.number)","# + text.dropFirst()
            guard state.bytes + whole.utf8.count <= maximumBytes else {
                state.dropped += 1
                return false
            }
            state.texts.append(whole)
            state.bytes += whole.utf8.count
            return true
        }
        if isAdded { signal.yield() }
    }

    /// The oldest of what waits, up to a number and, from the second on, to a number of bytes. It stays until ``remove(_:)``.
    func first(_ count: Int, bytes: Int) -> [String] {
        state.withLockedValue { state in
            var sum = 0
            var batch: [String] = []
            for text in state.texts.prefix(count) {
                sum += text.utf8.count
                if sum > bytes, !batch.isEmpty { break }
                batch.append(text)
            }
            return batch
        }
    }

    /// Forgets the oldest of what waits.
    func remove(_ count: Int) {
        state.withLockedValue { state in
            for _ in 0..<min(count, state.texts.count) { state.bytes -= state.texts.removeFirst().utf8.count }
        }
    }

    /// How many wait, their bytes, and how many were dropped since the last call.
    func takeFigures() -> (waiting: Int, bytes: Int, dropped: Int) {
        state.withLockedValue { state in
            defer { state.dropped = 0 }
            return (state.texts.count, state.bytes, state.dropped)
        }
    }

    var isEmpty: Bool { state.withLockedValue { $0.texts.isEmpty } }

    /// Ends ``arrivals``.
    func close() { signal.finish() }
}
