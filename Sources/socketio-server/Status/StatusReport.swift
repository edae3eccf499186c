// Part of socketio-server, MIT licence; see LICENSE.

/// What the status page shows at one moment, as it is sent there.
struct StatusReport: Encodable, Sendable {
    struct Node: Encodable, Sendable {
        var tag: String
        var id: String?
        var address: String?
        var version: String
        var sessions: Int
        var sockets: Int
        var uptimeSeconds: Int
        var isDraining: Bool
        /// The node that tells.
        var isSelf: Bool
    }

    struct Namespace: Encodable, Sendable {
        /// As in the metrics: those made on demand are one line.
        var name: String
        var namespaces: Int
        var sockets: Int
        var rooms: Int
    }

    struct Room: Encodable, Sendable {
        var namespace: String
        var name: String
        var members: Int
    }

    /// Per second, since the report before.
    struct Rates: Encodable, Sendable {
        var eventsIn = 0.0
        var messagesIn = 0.0
        var messagesOut = 0.0
        var bytesIn = 0.0
        var bytesOut = 0.0
    }

    var status: String
    var reasons: [String]
    var polling: Int
    var webSocket: Int
    var sockets: Int
    var namespaces: [Namespace]
    var rooms: [Room]
    var rates: Rates
    var queuedBytes: Int
    var lagMs: Double
    var adapter: String
    var adapterState: String
    var nodes: [Node]
}
