// Part of socketio-server, MIT licence; see LICENSE.

internal import GRDB
internal import NIOConcurrencyHelpers

/// Writes to a database, off the event loops. What is asked for while a transaction is under way is done in the next one,
/// together: under load a disk synchronises once for many messages. A caller goes on when its transaction is on the disk.
final class WriteBatches: Sendable {
    /// A part of a transaction.
    private struct Item: Sendable {
        /// What it holds in memory.
        let bytes: Int
        let work: @Sendable (Database) -> Void
        /// Called when the transaction has been committed, or with the reason why it has not.
        let end: @Sendable ((any Error)?) -> Void
    }

    private struct State {
        var waiting: [Item] = []
        /// What the waiting items and those of the current transaction hold in memory.
        var bytes = 0
        var isWriting = false
        var hasEnded = false
        /// Who waits until nothing is written any more.
        var ends: [CheckedContinuation<Void, Never>] = []
    }

    /// Writes that may wait; one more is refused.
    static let maximumWaiting = 20_000
    /// Bytes of texts and files that may wait; one more is refused.
    static let maximumBytes = 64 << 20
    /// Writes of one transaction.
    private static let maximumBatch = 1_000

    private let database: any DatabaseWriter
    private let state = NIOLockedValueBox(State())

    init(_ database: any DatabaseWriter) { self.database = database }

    /// Runs `work` in a transaction and returns when that has been committed.
    ///
    /// - Parameter bytes: the size of the texts or the piece of a file that `work` holds.
    /// - Throws: ``HistoryStoreError/away(_:)`` when too many writes wait, when they hold too many bytes, after ``end()``, and
    ///   when the transaction fails; what `work` throws.
    func perform<Value: Sendable>(
        bytes: Int = 0, _ work: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        let result = NIOLockedValueBox<Result<Value, any Error>?>(nil)
        return try await withCheckedThrowingContinuation { continuation in
            add(
                Item(
                    bytes: bytes,
                    work: { database in
                        let done = Result { () throws -> Value in
                            var value: Value?
                            try database.inSavepoint {
                                value = try work(database)
                                return .commit
                            }
                            guard let value else { throw HistoryStoreError.away("rolled back") }
                            return value
                        }
                        result.withLockedValue { $0 = done }
                    },
                    end: { failure in
                        switch (failure, result.withLockedValue { $0 }) {
                        case (nil, let result?): continuation.resume(with: result)
                        case (let failure as HistoryStoreError, _): continuation.resume(throwing: failure)
                        case (let failure, _):
                            let reason = failure.map { "\($0)" } ?? "not written"
                            continuation.resume(throwing: HistoryStoreError.away(reason))
                        }
                    }))
        }
    }

    private func add(_ item: Item) {
        let (isRefused, isFirst) = state.withLockedValue { state in
            guard !state.hasEnded, state.waiting.count < Self.maximumWaiting,
                state.bytes + item.bytes <= Self.maximumBytes
            else { return (true, false) }
            state.waiting.append(item)
            state.bytes += item.bytes
            defer { state.isWriting = true }
            return (false, !state.isWriting)
        }
        if isRefused { return item.end(HistoryStoreError.away("too many writes wait")) }
        if isFirst { writeNext() }
    }

    private func writeNext() {
        let items = state.withLockedValue { state -> [Item] in
            let items = Array(state.waiting.prefix(Self.maximumBatch))
            state.waiting.removeFirst(items.count)
            return items
        }
        database.asyncWrite { database in
            for item in items { item.work(database) }
        } completion: { _, result in
            let failure: (any Error)? = if case .failure(let error) = result { error } else { nil }
            // First, so that a caller who goes on finds the place free.
            self.state.withLockedValue { state in state.bytes -= items.reduce(0) { $0 + $1.bytes } }
            for item in items { item.end(failure) }
            let (goesOn, ends) = self.state.withLockedValue { state in
                if !state.waiting.isEmpty { return (true, [CheckedContinuation<Void, Never>]()) }
                state.isWriting = false
                defer { state.ends = [] }
                return (false, state.ends)
            }
            for end in ends { end.resume() }
            if goesOn { self.writeNext() }
        }
    }

    /// Takes no more writes, and waits until those that were taken are done.
    func end() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLockedValue { state in
                state.hasEnded = true
                if !state.isWriting { return true }
                state.ends.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }
}
