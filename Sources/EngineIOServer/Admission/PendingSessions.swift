// Part of socketio-server, MIT licence; see LICENSE.

internal import Synchronization

/// The sessions of one shard that nobody has begun to use, in the order of their opening. Confined to the shard's loop.
///
/// A list whose links are numbers: adding, taking one out and finding the oldest cost the same however many there are, and
/// a session has four bytes of it.
struct PendingSessions {
    /// Of a session that is not in the list yet.
    static let notYet: Int32 = -1
    /// Of a session that is not in the list and shall not be any more.
    static let never: Int32 = -2
    private static let none: Int32 = -1

    private struct Node {
        var session: EngineSession?
        /// What is kept of its handshake.
        var bytes = 0
        var older = PendingSessions.none
        var newer = PendingSessions.none
    }

    private var nodes: [Node] = []
    private var free: [Int32] = []
    private var oldestIndex = PendingSessions.none
    private var newestIndex = PendingSessions.none

    /// How many there are.
    var count: Int { nodes.count - free.count }

    /// The one that was opened first.
    var oldest: EngineSession? { oldestIndex == Self.none ? nil : nodes[Int(oldestIndex)].session }

    /// Adds a session as the newest one.
    ///
    /// - Returns: whether it has been added; not so one that is in the list or shall not be.
    mutating func add(_ session: EngineSession, bytes: Int) -> Bool {
        guard session.pendingIndex == Self.notYet else { return false }
        let node = Node(session: session, bytes: bytes, older: newestIndex)
        let index: Int32
        if let place = free.popLast() {
            index = place
            nodes[Int(place)] = node
        } else {
            index = Int32(truncatingIfNeeded: nodes.count)
            nodes.append(node)
        }
        if newestIndex == Self.none { oldestIndex = index } else { nodes[Int(newestIndex)].newer = index }
        newestIndex = index
        session.pendingIndex = index
        return true
    }

    /// Takes a session out for good.
    ///
    /// - Returns: the bytes it was added with; nil when it was not in the list.
    mutating func remove(_ session: EngineSession) -> Int? {
        let index = session.pendingIndex
        session.pendingIndex = Self.never
        guard index >= 0 else { return nil }
        let node = nodes[Int(index)]
        if node.older == Self.none { oldestIndex = node.newer } else { nodes[Int(node.older)].newer = node.newer }
        if node.newer == Self.none { newestIndex = node.older } else { nodes[Int(node.newer)].older = node.older }
        nodes[Int(index)] = Node()
        free.append(index)
        if free.count == nodes.count {
            // What a flood has needed is given back.
            nodes.removeAll(keepingCapacity: nodes.count <= 256)
            free.removeAll(keepingCapacity: free.count <= 256)
        }
        return node.bytes
    }
}

/// How many such sessions a server has on all its shards, and how much is kept of their handshakes. From any thread.
final class PendingBudget: Sendable {
    /// What there is too much of.
    enum Excess: String, CaseIterable, Sendable {
        case sessions = "maxPendingSessions"
        case bytes = "maxPendingBytes"
    }

    private let sessions = Atomic(0)
    private let bytes = Atomic(0)
    private let maximumSessions: Atomic<Int>
    private let maximumBytes: Atomic<Int>

    init(_ configuration: EngineConfiguration) {
        maximumSessions = Atomic(configuration.maxPendingSessions)
        maximumBytes = Atomic(configuration.maxPendingBytes)
    }

    func reload(_ configuration: EngineConfiguration) {
        maximumSessions.store(configuration.maxPendingSessions, ordering: .relaxed)
        maximumBytes.store(configuration.maxPendingBytes, ordering: .relaxed)
    }

    /// How many sessions are pending.
    var sessionCount: Int { sessions.load(ordering: .relaxed) }
    /// What is kept of their handshakes.
    var byteCount: Int { bytes.load(ordering: .relaxed) }

    func added(bytes count: Int) {
        sessions.wrappingAdd(1, ordering: .relaxed)
        bytes.wrappingAdd(count, ordering: .relaxed)
    }

    func removed(bytes count: Int) {
        sessions.wrappingSubtract(1, ordering: .relaxed)
        bytes.wrappingSubtract(count, ordering: .relaxed)
    }

    /// Which limit is passed, if any.
    var excess: Excess? {
        if sessionCount > maximumSessions.load(ordering: .relaxed) { return .sessions }
        if byteCount > maximumBytes.load(ordering: .relaxed) { return .bytes }
        return nil
    }
}
