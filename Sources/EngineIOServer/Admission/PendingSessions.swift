// Part of socketio-server, MIT licence; see LICENSE.

internal import Synchronization

/// The pending sessions of one shard, which their clients have not begun to use, in the order in which they were
/// opened. Confined to the shard's loop.
///
/// A linked list with indices as links: adding, removing and finding the oldest take constant time, and a session
/// stores four bytes.
struct PendingSessions {
    /// The index of a session that is not in the list yet.
    static let notYet: Int32 = -1
    /// The index of a session that has left the list for good.
    static let never: Int32 = -2
    private static let none: Int32 = -1

    private struct Node {
        var session: SessionCore?
        /// Bytes kept of its handshake request.
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
    var oldest: SessionCore? { oldestIndex == Self.none ? nil : nodes[Int(oldestIndex)].session }

    /// Adds a session as the newest one.
    ///
    /// - Returns: whether it was added; false if it is in the list already or has left it for good.
    mutating func add(_ session: SessionCore, bytes: Int) -> Bool {
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

    /// Removes a session for good.
    ///
    /// - Returns: the bytes it was added with; nil when it was not in the list.
    mutating func remove(_ session: SessionCore) -> Int? {
        let index = session.pendingIndex
        session.pendingIndex = Self.never
        guard index >= 0 else { return nil }
        let node = nodes[Int(index)]
        if node.older == Self.none { oldestIndex = node.newer } else { nodes[Int(node.older)].newer = node.newer }
        if node.newer == Self.none { newestIndex = node.older } else { nodes[Int(node.newer)].older = node.older }
        nodes[Int(index)] = Node()
        free.append(index)
        if free.count == nodes.count {
            // Frees the storage that a flood has needed.
            nodes.removeAll(keepingCapacity: nodes.count <= 256)
            free.removeAll(keepingCapacity: free.count <= 256)
        }
        return node.bytes
    }
}

/// The number of pending sessions on all shards of a server, and the bytes kept of their handshakes. May be used from
/// any thread.
final class PendingBudget: Sendable {
    /// The exceeded limit.
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
    /// Bytes kept of their handshake requests.
    var byteCount: Int { bytes.load(ordering: .relaxed) }

    func added(bytes count: Int) {
        sessions.wrappingAdd(1, ordering: .relaxed)
        bytes.wrappingAdd(count, ordering: .relaxed)
    }

    func removed(bytes count: Int) {
        sessions.wrappingSubtract(1, ordering: .relaxed)
        bytes.wrappingSubtract(count, ordering: .relaxed)
    }

    /// The limit that is exceeded, if any.
    var excess: Excess? {
        if sessionCount > maximumSessions.load(ordering: .relaxed) { return .sessions }
        if byteCount > maximumBytes.load(ordering: .relaxed) { return .bytes }
        return nil
    }
}
