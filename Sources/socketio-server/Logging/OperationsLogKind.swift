// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer

/// The lines of the executable that other nodes, or whoever can write to Redis, can cause.
enum OperationsLogKind: String, LogKind {
    case nodeJoined = "a node has joined"
    case nodeGone = "a node has gone"

    /// A cluster that starts is told node by node.
    var burst: Int { 32 }
}
