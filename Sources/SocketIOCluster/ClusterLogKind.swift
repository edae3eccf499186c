// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer

/// The log lines that other nodes, or the transport of their messages, can cause. The rate of each is limited.
package enum ClusterLogKind: String, LogKind {
    case messageDropped = "A message of another node was dropped"
    case strangerRefused = "A message on the channel of the nodes was refused"
    case peerRefused = "Heartbeats of another node are ignored: a limit on known nodes is reached"
    case notSent = "A message was not sent to other nodes: they cannot be reached"
    case tooLarge = "A message was not sent to other nodes: it is too large"
    case answerNotSent = "An answer to another node was not sent"
    case refused = "A message to other nodes was refused"
    case streamGap = "Entries of a stream were gone, or too large, before they could be read"
    case notTold = "Other servers were not told"
}
