// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import HiredisNIO
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// Reads the events sent in a namespace before this node joined, so that clients of other nodes can continue their
/// sessions here. Lives on the bus's event loop.
///
/// It reads in pages, and only events that returning clients may still need. If anything fails, the earlier events
/// count as unknown.
final class StreamHistory {
    private let bus: RedisBusCore
    private let stream: String
    private let namespace: String
    private let local: MemoryAdapter
    private let limits: MessagePackLimits
    private let maxLength: Int
    /// The node's own reader starts after this entry.
    private let end: RedisStreamID
    private let now = WallClock.milliseconds()
    private let done: () -> Void
    private var isOver = false

    private static let pageSize = 200
    private static let patience = TimeAmount.seconds(2)

    init(
        _ bus: RedisBusCore, stream: String, namespace: String, local: MemoryAdapter, limits: MessagePackLimits,
        maxLength: Int, end: RedisStreamID, done: @escaping () -> Void
    ) {
        self.bus = bus
        self.stream = stream
        self.namespace = namespace
        self.local = local
        self.limits = limits
        self.maxLength = maxLength
        self.end = end
        self.done = done
    }

    func start() {
        let age = local.eventAge.nanoseconds / 1_000_000
        let start = RedisStreamID(milliseconds: UInt64(clamping: now - age), sequence: 0)
        guard start < end else { return finish(from: end) }
        bus.execute(RESPCommand("XLEN", stream), patience: Self.patience) { result in
            guard case .success(let value) = result, let length = value.integerValue else {
                return self.finish(from: self.end)
            }
            // Redis has not trimmed the stream yet.
            guard length >= Int64(self.maxLength) else { return self.begin(after: start) }
            self.bus.execute(.oldest(of: self.stream), patience: Self.patience) { result in
                guard let entries = self.entries(result), let oldest = entries.first?.id else {
                    return self.finish(from: self.end)
                }
                self.begin(after: max(start, oldest))
            }
        }
    }

    private func begin(after start: RedisStreamID) {
        local.beginHistory(after: EventPosition(start))
        read(after: start)
    }

    private func read(after id: RedisStreamID) {
        bus.execute(.range(stream, after: id, through: end, count: Self.pageSize), patience: Self.patience) { result in
            guard let entries = self.entries(result) else { return self.finish(from: self.end) }
            for entry in entries { self.remember(entry) }
            guard let last = entries.last, entries.count == Self.pageSize else { return self.finish(from: nil) }
            self.read(after: last.id)
        }
    }

    private func entries(_ result: Result<RESPValue, any Error>) -> [RedisStreamEntry]? {
        guard case .success(let reply) = result else { return nil }
        return try? RedisStreamEntry.entries(of: reply)
    }

    private func remember(_ entry: RedisStreamEntry) {
        guard
            let message = StreamEntry(entry, maximumNameLength: StreamHub.maximumNameLength),
            message.namespace.hasSameBytes(as: namespace),
            case .broadcast(let packet, let options)? = try? StreamsWireFormat.message(message, limits: limits)
        else { return }
        let age = max(now - Int64(clamping: entry.id.milliseconds), 0)
        local.remember(packet, options, at: EventPosition(entry.id), age: .milliseconds(age))
    }

    /// - Parameter start: the position from which on every event is known; nil when `begin(after:)` has already
    ///   reported it.
    private func finish(from start: RedisStreamID?) {
        guard !isOver else { return }
        isOver = true
        if let start { local.beginHistory(after: EventPosition(start)) }
        done()
    }
}

extension EventPosition {
    init(_ id: RedisStreamID) { self.init(high: id.milliseconds, low: id.sequence) }
}
