// Part of socketio-server, MIT licence; see LICENSE.

extension Settings {
    /// How nodes help each other beyond Redis; without effect while `adapter` is `memory`.
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
                "With `adapter: redis`: whether a request for a session of another node is carried there, so that "
                    + "long-polling works behind a balancer that knows no sessions. Otherwise it is refused as unknown."
            ),
            .choice(
                "cluster.upgradePolicy", \.cluster.upgradePolicy,
                "What happens to an upgrade to WebSocket that reaches the wrong node: it is carried to the right one for "
                    + "as long as it lives, or refused, and the session stays on polling."),
            .optionalText(
                "cluster.internalHost", \.cluster.internalHost, allowed: "an address",
                "Address to listen on for the other nodes, which only they should reach. Without one it is the address "
                    + "this machine has towards Redis, if that is a private one; else nothing is forwarded to this node."
            ) { !$0.isEmpty && !$0.contains(where: \.isWhitespace) },
            .number(
                "cluster.internalPort", \.cluster.internalPort, 0...65_535,
                "TCP port to listen on for the other nodes; 0 takes a free one, and tells the others which."),
            .optionalText(
                "cluster.advertise", \.cluster.advertise, allowed: "HOST:PORT, an IPv6 address in brackets",
                "Where the other nodes reach that listener, when that is not where it listens: behind NAT, in containers "
                    + "with ports of their own."
            ) { SettingRules.isHostAndPort($0) },
            .optionalText(
                "cluster.secret", \.cluster.secret, allowed: "at least 16 characters", secret: true,
                "What nodes sign requests to each other with, and what they tell each other through Redis; the same on all of "
                    + "them, whose clocks may be 30 s apart. Without one each node makes its own key and tells the others by "
                    + "Redis, and who can publish there can have requests of clients sent to any address."
            ) { $0.utf8.count >= 16 },
            .number(
                "cluster.forwardTimeoutMs", \.cluster.forwardTimeoutMs, 1...day, unit: "ms",
                "How long it may take to connect to another node, and how much longer than `pingIntervalMs` and "
                    + "`pingTimeoutMs` its answer may take."),
        ])

    private static let day = 86_400_000
}
