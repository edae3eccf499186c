// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

/// Commands that wait for a connection, in order.
struct WaitingCommands {
    struct Entry {
        var command: RESPCommand
        var timeout: TimeAmount?
        var completion: RedisCompletion
    }

    private var entries: [(id: Int, entry: Entry)] = []
    private var nextID = 0
    private var bytes = 0
    private let maximumCount: Int
    private let maximumBytes: Int

    init(maximumCount: Int, maximumBytes: Int) {
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    mutating func append(_ entry: Entry) -> Int? {
        let size = entry.command.bytes.readableBytes
        guard entries.count < maximumCount, size <= maximumBytes - bytes else { return nil }
        bytes += size
        nextID += 1
        entries.append((nextID, entry))
        return nextID
    }

    mutating func remove(_ id: Int) -> Entry? {
        guard let index = entries.firstIndex(where: { $0.id == id }) else { return nil }
        let entry = entries.remove(at: index).entry
        bytes -= entry.command.bytes.readableBytes
        return entry
    }

    mutating func removeAll(_ body: (Entry) -> Void) {
        let all = entries
        entries = []
        bytes = 0
        for (_, entry) in all { body(entry) }
    }
}

/// Gathers the replies of a pipeline. A refused command is answered before the ones sent before it, so each has its
/// place. Lives on the event loop of the client.
final class PipelineResults {
    private var results: [Result<RESPValue, RedisError>]
    private var missing: Int
    private let done: ([Result<RESPValue, RedisError>]) -> Void

    init(count: Int, done: @escaping ([Result<RESPValue, RedisError>]) -> Void) {
        results = Array(repeating: .success(.null), count: count)
        missing = count
        self.done = done
        if count == 0 { done([]) }
    }

    func set(_ result: Result<RESPValue, RedisError>, at index: Int) {
        results[index] = result
        missing -= 1
        if missing == 0 { done(results) }
    }
}
