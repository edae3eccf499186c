// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
package import SocketIOCore

/// Another node of this kind, as its last heartbeat described it.
public struct ClusterNode: Sendable {
    /// The random id of the process.
    public let id: String
    /// The four characters with which its session ids begin.
    public let tag: String
    /// The version of its software.
    public let version: String
    /// When it started, in milliseconds since 1970-01-01 UTC.
    public let startedAt: Int64
    /// Whether it is about to end and sends its clients away.
    public let isDraining: Bool
    /// Its ``ClusterConfiguration/address``; nil when it has none.
    public let address: String?
    /// How many sessions are connected to it.
    public let sessions: Int
    /// How many sockets are connected to it, in all namespaces.
    public let sockets: Int

    package init(_ peer: ClusterPeer) {
        id = peer.nodeID
        tag = peer.tag
        version = peer.version
        startedAt = peer.startedAt
        isDraining = peer.isDraining
        address = peer.address
        sessions = peer.sessions
        sockets = peer.sockets
    }
}

extension ClusterNode: Hashable {
    private var names: [ExactName] { [id, tag, version, address ?? ""].map { ExactName($0) } }

    private var numbers: [Int64] { [startedAt, Int64(sessions), Int64(sockets), isDraining ? 1 : 0] }

    /// Whether both values describe a node in the same way; names compare by their bytes.
    public static func == (left: ClusterNode, right: ClusterNode) -> Bool {
        left.names == right.names && left.numbers == right.numbers && (left.address == nil) == (right.address == nil)
    }

    /// Feeds what identifies the process into the hasher.
    public func hash(into hasher: inout Hasher) { hasher.combine(ExactName(id)) }
}
