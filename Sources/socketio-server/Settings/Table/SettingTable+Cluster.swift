// Part of socketio-server, MIT licence; see LICENSE.

extension Settings {
    /// How nodes forward requests to each other; without effect while `adapter` is `memory`.
    struct Cluster: Sendable, Equatable {
        var forward = Switch.on
        var upgradePolicy = UpgradePolicy.tunnel
        var internalHost: String?
        var internalPort = 0
        var advertise: String?
        var secret: String?
        var forwardTimeoutMs = 3_000

        enum Switch: String, CaseIterable, Sendable {
            case on
            case off
        }

        enum UpgradePolicy: String, CaseIterable, Sendable {
            case tunnel
            case refuse
        }
    }
}

extension SettingTable {
    /// Requests that reach the wrong node.
    static let cluster = Section(
        title: "Requests for other nodes",
        settings: [
            .choice(
                "cluster.forward", \.cluster.forward,
                "With `adapter: redis`: whether a request for a session of another node is forwarded to that node, "
                    + "so that long-polling works behind a balancer without sticky sessions. Otherwise the "
                    + "request is refused because the session is unknown."
            ),
            .choice(
                "cluster.upgradePolicy", \.cluster.upgradePolicy,
                "What happens to an upgrade to WebSocket that reaches the wrong node: `tunnel` forwards the "
                    + "connection to the right node for as long as it lives, `refuse` refuses it, and the session "
                    + "stays on polling."),
            .optionalText(
                "cluster.internalHost", \.cluster.internalHost, allowed: "an address or a host name, without a port",
                "Address of the listener for the other nodes; nothing else should be able to reach it. Without a "
                    + "value it is the address this machine uses towards Redis if that is a private one; "
                    + "otherwise nothing is forwarded to this node."
            ) { SettingRules.isHost($0) },
            .number(
                "cluster.internalPort", \.cluster.internalPort, 0...65_535,
                "TCP port of the listener for the other nodes; with 0 the node takes a free one and announces it to "
                    + "the others."),
            .optionalText(
                "cluster.advertise", \.cluster.advertise, allowed: "HOST:PORT, an IPv6 address in brackets",
                "Address and port under which the other nodes reach that listener, when they differ from those it "
                    + "listens on: behind NAT, or in containers with mapped ports."
            ) { SettingRules.isHostAndPort($0) },
            .optionalText(
                "cluster.secret", \.cluster.secret, allowed: "at least 16 characters", secret: true,
                "Secret with which nodes sign their requests to each other and their announcements in Redis. All "
                    + "nodes need the same one, and their clocks may be at most 30 s apart. Without it each node "
                    + "makes its own key and announces it through Redis, so that anybody who can publish there "
                    + "can redirect requests of clients to any address."
            ) { $0.utf8.count >= 16 },
            .number(
                "cluster.forwardTimeoutMs", \.cluster.forwardTimeoutMs, 1...day, unit: "ms",
                "How long connecting to another node may take, and how much longer than `pingIntervalMs` + "
                    + "`pingTimeoutMs` its response may take."),
        ])

    private static let day = 86_400_000
}
