// Part of socketio-server, MIT licence; see LICENSE.

package import EngineIOCore

/// The broadcasts of this node whose acknowledgements other nodes collect (protocol 4.7): which peers have told how many
/// clients they reached, and how many of those have not answered yet.
///
/// Only what is needed to stop waiting for a node that dies; counting and time belong to the receiver.
package struct ClusterBroadcastTable<Receiver> {
    /// What died with a peer.
    package struct Loss {
        package var receiver: Receiver
        /// It had not told how many clients it reached.
        package var isReportMissing: Bool
        /// Clients that had not answered.
        package var clients: Int
        /// The peer's tag.
        package var tag: String
    }

    private struct Peer {
        let tag: String
        /// Nil until it has told.
        var outstanding: Int?
        /// Clients that have answered or gone before that: their answers may overtake the report.
        var early = 0
    }

    private struct Entry {
        let receiver: Receiver
        var peers: NameDictionary<Peer>
        /// Peers that have gone since. Their late reports would count as those of nodes that are not known.
        var gone: NameSet = []
        var foreignReports: Int
    }

    private var entries: [ExactName: Entry] = [:]

    package init() {}

    package var count: Int { entries.count }

    package func contains(_ id: String) -> Bool { entries[ExactName(id)] != nil }

    /// A broadcast goes out to `nodes` other nodes, of which `peers` (uid to tag) are known.
    package mutating func begin(_ id: String, nodes: Int, peers: NameDictionary<String>, receiver: Receiver) {
        entries[ExactName(id)] = Entry(
            receiver: receiver, peers: peers.mapValues { Peer(tag: $0) },
            foreignReports: max(0, nodes - peers.count))
    }

    /// A node has told how many clients it reached. Nil when it has done so before, or nobody waits for it.
    package mutating func reported(_ id: String, by uid: String?, clients: Int) -> Receiver? {
        guard var entry = entries[ExactName(id)] else { return nil }
        if let uid, let peer = entry.peers[uid] {
            guard peer.outstanding == nil else { return nil }
            entry.peers[uid]?.outstanding = clients - peer.early
        } else if let uid, entry.gone.contains(uid) {
            return nil
        } else {
            // A node that is not known, or known but not aware that this one is of its kind.
            let silent = entry.peers.values.count { $0.outstanding == nil }
            guard entry.foreignReports > -silent else { return nil }
            entry.foreignReports -= 1
        }
        entries[ExactName(id)] = entry
        return entry.receiver
    }

    /// A client of a node has answered, or has gone. Nil when nobody waits for it.
    package mutating func answered(_ id: String, by uid: String?) -> Receiver? {
        guard let entry = entries[ExactName(id)] else { return nil }
        // Its clients have been struck with it.
        if let uid, entry.gone.contains(uid) { return nil }
        if let uid, let peer = entry.peers[uid] {
            if let outstanding = peer.outstanding {
                entries[ExactName(id)]?.peers[uid]?.outstanding = outstanding - 1
            } else {
                entries[ExactName(id)]?.peers[uid]?.early += 1
            }
        }
        return entry.receiver
    }

    /// A peer has gone.
    package mutating func lost(peer uid: String) -> [Loss] {
        var losses: [Loss] = []
        for (id, entry) in entries {
            guard let peer = entry.peers[uid] else { continue }
            entries[id]?.peers[uid] = nil
            entries[id]?.gone.insert(uid)
            losses.append(
                Loss(
                    receiver: entry.receiver, isReportMissing: peer.outstanding == nil,
                    clients: max(0, min(peer.outstanding ?? 0, 1_000_000)), tag: peer.tag))
        }
        return losses
    }

    /// Nobody waits any more.
    package mutating func remove(_ id: String) { entries[ExactName(id)] = nil }

    package mutating func removeAll() { entries = [:] }
}
