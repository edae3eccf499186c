// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Synchronization

/// Memory that is held for clients. The node's budget counts it once, however many clients it is for, until the last
/// reference to this object is gone.
class HeldBytes {
    let bytes: Int
    private let budget: BufferBudget

    init(_ bytes: Int, in budget: BufferBudget) {
        self.bytes = bytes
        self.budget = budget
        budget.take(bytes)
    }

    deinit { budget.give(bytes) }
}

/// A message that waits for one or more clients of an event loop. Its `bytes` are what it costs each of them.
final class HeldMessage: HeldBytes {
    /// Counted for each message beside its memory: this object, the buffer's, the place in a list, and what the allocator
    /// loses between them.
    static let overhead = 512

    let message: OutboundMessage

    init(_ message: consuming OutboundMessage, in budget: BufferBudget) {
        let cost = Self.cost(of: message)
        self.message = message
        super.init(cost, in: budget)
    }

    static func cost(of message: OutboundMessage) -> Int {
        let (cost, overflow) = message.memoryBytes.addingReportingOverflow(overhead)
        return overflow ? .max : cost
    }
}

/// How much memory may be held for slow clients on the whole node. From any thread.
final class BufferBudget: Sendable {
    private let used = Synchronization.Atomic(0)
    private let limit: Synchronization.Atomic<Int>
    private let isShedding = Synchronization.Atomic(false)
    private let shedder = NIOLockedValueBox<(@Sendable () -> Void)?>(nil)

    init(limit: Int) {
        self.limit = Atomic(limit)
    }

    /// Bytes held at this moment.
    var usedBytes: Int { used.load(ordering: .relaxed) }

    var isExceeded: Bool { used.load(ordering: .relaxed) > limit.load(ordering: .relaxed) }

    func take(_ bytes: Int) { used.wrappingAdd(bytes, ordering: .relaxed) }

    func give(_ bytes: Int) { used.wrappingSubtract(bytes, ordering: .relaxed) }

    func reload(limit: Int) { self.limit.store(limit, ordering: .relaxed) }

    /// Sets what ends the clients for which most is held. It calls ``sheddingEnded()`` when it is done.
    func onExcess(_ body: @escaping @Sendable () -> Void) { shedder.withLockedValue { $0 = body } }

    /// Has clients ended when more than the budget is held, unless that is being done.
    func enforce() {
        guard isExceeded, !isShedding.exchange(true, ordering: .acquiring) else { return }
        guard let body = shedder.withLockedValue({ $0 }) else { return sheddingEnded() }
        body()
    }

    func sheddingEnded() { isShedding.store(false, ordering: .releasing) }
}
