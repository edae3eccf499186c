// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer

/// The log lines of the executable that other nodes, or everybody who can publish to Redis, can cause.
enum OperationsLogKind: String, LogKind {
    case nodeJoined = "a node has joined"
    case nodeGone = "a node has gone"

    /// When a cluster starts, every node gets a line.
    var burst: Int { 32 }
}
