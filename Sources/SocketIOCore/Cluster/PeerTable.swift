// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore
package import NIOCore

/// What one of our nodes tells the others about itself (protocol 5.11).
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
    /// Whether it understands answers in parts.
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
        /// There are too many nodes already.
        case refused
    }

    private struct Entry {
        var peer: ClusterPeer
        var lastHeard: NIODeadline
    }

    private let timeout: TimeAmount
    private let maximumPeers: Int
    private var entries: [ExactName: Entry] = [:]
    private var nodesByUID: [ExactName: ExactName] = [:]

    package init(timeout: TimeAmount, maximumPeers: Int = 1024) {
        self.timeout = timeout
        self.maximumPeers = maximumPeers
    }

    /// The nodes of the moment, in no order.
    package var peers: [ClusterPeer] { entries.values.map(\.peer) }

    package var count: Int { entries.count }

    /// A heartbeat. A partial one has only some of the node's uids, or none, which say nothing about the others.
    package mutating func heard(_ peer: ClusterPeer, isPartial: Bool = false, at now: NIODeadline) -> Change {
        let node = ExactName(peer.nodeID)
        let known = entries[node]
        var peer = peer
        if isPartial, let known = known?.peer {
            let added = peer.uids
            // News of a single adapter have nothing else to tell.
            if !added.isEmpty { peer = known }
            peer.uids = known.uids.merging(added) { $1 }
        }
        guard known != nil || entries.count < maximumPeers else { return .refused }
        let current = NameSet(peer.uids.values)
        let gone = known.map { $0.peer.uids.values.filter { !current.contains($0) } } ?? []
        for uid in gone { nodesByUID[ExactName(uid)] = nil }
        for uid in current { nodesByUID[ExactName(uid)] = node }
        entries[node] = Entry(peer: peer, lastHeard: now)
        return known == nil ? .joined : .updated(goneUIDs: gone)
    }

    /// A goodbye.
    package mutating func left(_ nodeID: String) -> ClusterPeer? {
        let node = ExactName(nodeID)
        guard let entry = entries.removeValue(forKey: node) else { return nil }
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
