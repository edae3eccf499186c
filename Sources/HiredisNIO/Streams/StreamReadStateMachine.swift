// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// Reads a Redis stream from its end on without missing an entry (protocol 5.8).
///
///     resolving ── the newest id ──▶ reading ◀── page ──┐
///         ▲ retry                       └── error ──▶ waiting ── retry ──▶ checking ── oldest ──▶ reading
///
/// The id from which to read is resolved once, and is always that of an entry: `$` would lose what is added between two
/// reads. After an error the same id is read from again; if its entry is gone by then, others may be, too, and that is
/// told. The same is checked after a full page, because a reader that lags far behind may be overtaken by trimming.
///
/// A page that is larger than a reply may be is read again entry by entry. A single entry that is too large is passed over,
/// for which its id is asked for alone, and that is told as well. Of the newest and the oldest entry only the id is needed,
/// so it is asked for alone when the entry is too large. A page that could not be read for another reason, such as a
/// time-out, is read again with half as many entries.
package struct StreamReadStateMachine: Sendable {
    package enum Action: Sendable, Equatable {
        /// Ask for the newest entry.
        case askNewest
        /// Ask for the oldest entry.
        case askOldest
        /// Ask for the id of the newest entry, which is too large itself.
        case askNewestID
        /// Ask for the id of the oldest entry, which is too large itself.
        case askOldestID
        /// Read at most so many entries after this id.
        case read(after: RedisStreamID, count: Int)
        /// Ask for the id of the entry after this id.
        case askNext(after: RedisStreamID)
        /// Wait so long, then call ``retry()``.
        case wait(TimeAmount)
        case none
    }

    private enum State: Sendable {
        case idle
        case resolving
        case reading
        case checking
        case skipping
        case waiting(isResolved: Bool)
        case ended
    }

    private var state = State.idle
    /// The last entry that was read, or the end of the stream when the reading began.
    package private(set) var position = RedisStreamID.zero
    /// Whether ``position`` is known.
    package private(set) var isResolved = false
    private var delay = firstDelay
    /// Before the newest page, whose completeness is checked.
    private var checkFrom = RedisStreamID.zero
    private let pageSize: Int
    /// How many entries are asked for; fewer after a page that was too large.
    private var count: Int

    private static let firstDelay = TimeAmount.milliseconds(50)
    private static let longestDelay = TimeAmount.seconds(2)

    package init(pageSize: Int) {
        self.pageSize = pageSize
        self.count = pageSize
    }

    package mutating func start() -> Action {
        guard case .idle = state else { return .none }
        state = .resolving
        return .askNewest
    }

    /// The newest entry; nil for an empty stream.
    package mutating func newest(_ id: RedisStreamID?) -> Action {
        guard case .resolving = state else { return .none }
        position = id ?? .zero
        isResolved = true
        return readOn()
    }

    /// Entries that were read. Those at or below ``position`` have been delivered before and are to be passed over.
    package mutating func page(last: RedisStreamID?, count: Int) -> Action {
        guard case .reading = state else { return .none }
        checkFrom = position
        if let last, last > position { position = last }
        let isFull = count >= self.count
        self.count = min(self.count * 2, pageSize)
        guard isFull else { return readOn() }
        state = .checking
        return .askOldest
    }

    /// The oldest entry; nil for an empty stream. Returns whether entries may have been trimmed before they were read.
    package mutating func oldest(_ id: RedisStreamID?) -> (action: Action, hasGap: Bool) {
        guard case .checking = state else { return (.none, false) }
        let hasGap = checkFrom > .zero && (id.map { $0 > checkFrom } ?? true)
        return (readOn(), hasGap)
    }

    /// The reply was larger than a reply may be.
    package mutating func tooLarge() -> Action {
        switch state {
        case .resolving: return .askNewestID
        case .checking: return .askOldestID
        case .reading: break
        case .idle, .skipping, .waiting, .ended: return failed()
        }
        guard count == 1 else {
            count = 1
            return readOn()
        }
        state = .skipping
        return .askNext(after: position)
    }

    /// The id of the entry that cannot be read; nil when it is gone. Returns whether it was passed over.
    package mutating func next(_ id: RedisStreamID?) -> (action: Action, hasGap: Bool) {
        guard case .skipping = state else { return (.none, false) }
        if let id { position = max(position, id) }
        return (readOn(), id != nil)
    }

    /// What was asked has failed.
    package mutating func failed() -> Action {
        switch state {
        case .resolving: state = .waiting(isResolved: false)
        case .reading:
            count = max(1, count / 2)
            state = .waiting(isResolved: true)
        case .checking, .skipping: state = .waiting(isResolved: true)
        case .idle, .waiting, .ended: return .none
        }
        defer { delay = min(delay * 2, Self.longestDelay) }
        return .wait(delay)
    }

    /// The wait after a failure is over.
    package mutating func retry() -> Action {
        guard case .waiting(let isResolved) = state else { return .none }
        guard isResolved else {
            state = .resolving
            return .askNewest
        }
        checkFrom = position
        state = .checking
        return .askOldest
    }

    package mutating func end() {
        state = .ended
    }

    private mutating func readOn() -> Action {
        state = .reading
        return .read(after: position, count: count)
    }

    /// Something has been answered.
    package mutating func succeeded() { delay = Self.firstDelay }
}
