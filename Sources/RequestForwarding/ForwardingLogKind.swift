// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import PeerLogging

/// The log lines about requests between nodes.
enum ForwardingLogKind: String, LogKind {
    case nodeRefuses = "Another node refuses this node's signature"
    case nodeUnreachable = "Another node cannot be reached"
    case forwardRefused = "A request to the listener for other nodes was refused"

    /// A minute: these conditions persist until their cause is removed.
    var interval: TimeAmount { .minutes(1) }
}
