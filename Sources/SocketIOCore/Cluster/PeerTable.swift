// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
package import NIOCore

/// What a socketio-server node announces about itself to the others (protocol 5.11).
package struct ClusterPeer: Sendable {
    /// Random, of the process.
    package var nodeID: String
    /// What the node calls itself, for people; its session ids begin with it.
    package var tag: String
    /// The adapter's uid by namespace.
    package var uids: NameDictionary<String>
    package var version: String
    /// Milliseconds since 1970.
    package var startedAt: Int64
    package var isDraining: Bool
    /// Whether it understands responses in parts.
    package var takesParts = false
    /// Where other nodes reach its HTTP side; nil when it has not been told.
    package var address: String?
    /// Where it listens for requests that belong to it, and what they are to be signed with; nil when it does not.
    package var forwardAddress: String?
    package var forwardKey: String?
    package var sessions: Int
    package var sockets: Int
    /// Messages it has published so far, by namespace.
    package var published: NameDictionary<UInt64>

    package init(
        nodeID: String, tag: String, uids: NameDictionary<String> = [:], version: String = "", startedAt: Int64 = 0,
        isDraining: Bool = false, address: String? = nil, sessions: Int = 0, sockets: Int = 0,
        published: NameDictionary<UInt64> = [:]
    ) {
        self.nodeID = nodeID
        self.tag = tag
        self.uids = uids
        self.version = version
        self.startedAt = startedAt
        self.isDraining = isDraining
        self.address = address
        self.sessions = sessions
        self.sockets = sockets
        self.published = published
    }
}

extension ClusterPeer {
    /// About what it takes, most of it for namespaces.
    fileprivate var size: Int {
        published.reduce(Self.size(of: uids) + 1024) { $0 + Self.overhead + $1.key.utf8.count }
    }

    fileprivate static func size(of uids: NameDictionary<String>) -> Int {
        uids.reduce(0) { $0 + overhead + $1.key.utf8.count + 2 * $1.value.utf8.count }
    }

    /// Of an entry of a table.
    private static var overhead: Int { 128 }
}

/// Who is alive.
///
///     first heartbeat ──▶ alive ── goodbye, or silence for longer than the time-out ──▶ gone
///
/// A node that comes back after its silence is a new one. Time is an argument.
package struct PeerTable: Sendable {
    package enum Change: Equatable {
        /// Heard of for the first time: it does not know this node yet.
        case joined
        /// Known; adapters that are no longer there, by their uids.
        case updated(goneUIDs: [String])
        /// There is no room for it.
        case refused(Limit)
    }

    /// What bounds the table.
    package enum Limit: Equatable {
        /// The number of nodes.
        case peers
        /// What the nodes have told.
        case bytes
    }

    private struct Entry {
        var peer: ClusterPeer
        /// What it counts for in ``PeerTable/bytes``.
        var size: Int
        var lastHeard: NIODeadline
    }

    private let timeout: TimeAmount
    private let maximumPeers: Int
    private let maximumBytes: Int
    /// About what the names take that the nodes have told.
    package private(set) var bytes = 0
    private var entries: [ExactName: Entry] = [:]
    private var nodesByUID: [ExactName: ExactName] = [:]

    /// - Parameter maximumPeers: The most nodes. Without a secret, anybody who can publish to Redis can pose as any number.
    /// - Parameter maximumBytes: The most that all nodes together may tell.
    package init(timeout: TimeAmount, maximumPeers: Int, maximumBytes: Int) {
        self.timeout = timeout
        self.maximumPeers = maximumPeers
        self.maximumBytes = maximumBytes
    }

    /// The nodes of the moment, in no order.
    package var peers: [ClusterPeer] { entries.values.map(\.peer) }

    package var count: Int { entries.count }

    /// A heartbeat. A partial one has only some of the node's uids, or none, which say nothing about the others; it costs as
    /// much as what it has, however many are known.
    package mutating func heard(_ peer: ClusterPeer, isPartial: Bool = false, at now: NIODeadline) -> Change {
        let node = ExactName(peer.nodeID)
        guard let known = entries[node] else {
            guard entries.count < maximumPeers else { return .refused(.peers) }
            guard admit(peer.size, insteadOf: 0) else { return .refused(.bytes) }
            for uid in peer.uids.values { nodesByUID[ExactName(uid)] = node }
            entries[node] = Entry(peer: peer, size: peer.size, lastHeard: now)
            return .joined
        }
        guard isPartial else {
            guard admit(peer.size, insteadOf: known.size) else { return .refused(.bytes) }
            let current = NameSet(peer.uids.values)
            let gone = known.peer.uids.values.filter { !current.contains($0) }
            for uid in gone { nodesByUID[ExactName(uid)] = nil }
            for uid in current { nodesByUID[ExactName(uid)] = node }
            entries[node] = Entry(peer: peer, size: peer.size, lastHeard: now)
            return .updated(goneUIDs: gone)
        }
        if peer.uids.isEmpty {
            // Everything but the uids.
            var peer = peer
            peer.uids = known.peer.uids
            guard admit(peer.size, insteadOf: known.size) else { return .refused(.bytes) }
            entries[node] = Entry(peer: peer, size: peer.size, lastHeard: now)
            return .updated(goneUIDs: [])
        }
        return add(peer.uids, to: node, at: now)
    }

    /// News of single adapters have nothing else to tell.
    private mutating func add(_ uids: NameDictionary<String>, to node: ExactName, at now: NIODeadline) -> Change {
        guard admit(ClusterPeer.size(of: uids), insteadOf: 0) else { return .refused(.bytes) }
        // Out of the table meanwhile, or all that is known would be copied.
        guard var entry = entries.removeValue(forKey: node) else { return .updated(goneUIDs: []) }
        var gone: [String] = []
        for (namespace, uid) in uids {
            let old = entry.peer.uids[namespace]
            entry.peer.uids[namespace, default: uid] = uid
            nodesByUID[ExactName(uid)] = node
            guard let old, !old.hasSameBytes(as: uid) else { continue }
            nodesByUID[ExactName(old)] = nil
            gone.append(old)
        }
        // Too much where a namespace was known; the next whole heartbeat tells.
        entry.size += ClusterPeer.size(of: uids)
        entry.lastHeard = now
        entries[node] = entry
        return .updated(goneUIDs: gone)
    }

    /// Whether there is room for what a node tells, which then counts.
    private mutating func admit(_ size: Int, insteadOf old: Int) -> Bool {
        guard bytes - old + size <= maximumBytes else { return false }
        bytes += size - old
        return true
    }

    /// A goodbye.
    package mutating func left(_ nodeID: String) -> ClusterPeer? {
        let node = ExactName(nodeID)
        guard let entry = entries.removeValue(forKey: node) else { return nil }
        bytes -= entry.size
        for uid in entry.peer.uids.values.map({ ExactName($0) }) where nodesByUID[uid] == node { nodesByUID[uid] = nil }
        return entry.peer
    }

    /// Removes the nodes that have been silent for too long.
    package mutating func removeSilent(at now: NIODeadline) -> [ClusterPeer] {
        let silent = entries.values.filter { now - $0.lastHeard > timeout }.map(\.peer.nodeID)
        return silent.compactMap { left($0) }
    }

    /// Forgives the silence so far: this node could hear nobody.
    package mutating func restartTimeouts(at now: NIODeadline) {
        for id in entries.keys { entries[id]?.lastHeard = now }
    }

    /// Moves the last sign of life of every node forward by `silence`, at most to `now`: this node was suspended that long, and
    /// messages of the others may be unread.
    package mutating func discountSilence(_ silence: TimeAmount, at now: NIODeadline) {
        for (id, entry) in entries { entries[id]?.lastHeard = min(now, entry.lastHeard + silence) }
    }

    /// A node.
    package func node(_ nodeID: String) -> ClusterPeer? { entries[ExactName(nodeID)]?.peer }

    /// The node an adapter belongs to.
    package func node(ofUID uid: String) -> ClusterPeer? {
        nodesByUID[ExactName(uid)].flatMap { entries[$0]?.peer }
    }

    /// The adapters of a namespace: uid to the node's tag.
    package func adapters(of namespace: String) -> NameDictionary<String> {
        var adapters: NameDictionary<String> = [:]
        for entry in entries.values {
            if let uid = entry.peer.uids[namespace] { adapters[uid] = entry.peer.tag }
        }
        return adapters
    }
}
