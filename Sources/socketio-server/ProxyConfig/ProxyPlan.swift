// Part of socketio-server, MIT licence; see LICENSE.

/// What a load balancer's configuration is made from.
struct ProxyPlan: Sendable {
    /// One server behind the balancer.
    struct Node: Sendable, Equatable {
        let tag: String
        let host: String
        let port: Int

        /// `host:port`, with brackets around an IPv6 address.
        var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

        /// Reads `TAG=HOST:PORT`; nil when it is something else.
        init?(_ text: String) {
            guard let equals = text.firstIndex(of: "="), SettingRules.isNodeTag(String(text[..<equals])) else {
                return nil
            }
            guard let place = Place(String(text[text.index(after: equals)...])), !place.host.isEmpty, place.port > 0
            else { return nil }
            tag = String(text[..<equals])
            host = place.host
            port = place.port
        }
    }

    /// `HOST:PORT`; an empty host, or `*`, is every address.
    struct Place: Sendable, Equatable {
        let host: String
        let port: Int

        init?(_ text: String) {
            guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
                return nil
            }
            var host = text[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
            // What would end a word, a comment or a block in one of the configurations.
            let isPlain = host.utf8.allSatisfy { byte in
                (0x21...0x7E).contains(byte) && !"\"'#;{}\\`$/[]".utf8.contains(byte)
            }
            guard isPlain else { return nil }
            self.host = host == "*" ? "" : String(host)
            self.port = Int(port)
        }
    }

    /// How requests of a session find their node.
    enum Stickiness: String, CaseIterable, Sendable {
        /// By the node tag at the front of the session id.
        case sid
        /// By the cookie that the servers set.
        case cookie
        /// By the address of the client.
        case source
    }

    let nodes: [Node]
    let listen: Place
    let stickiness: Stickiness
    let cookieName: String
    let readyPath: String
    let maxBodyBytes: Int
    /// Longest silence of a healthy connection, in seconds, with some room above it.
    let idleSeconds: Int
    /// The servers close connections that rest; the balancer must do so earlier, in seconds.
    let keepAliveSeconds: Int

    init(nodes: [Node], listen: Place, stickiness: Stickiness, settings: Settings) {
        self.nodes = nodes
        self.listen = listen
        self.stickiness = stickiness
        cookieName = settings.cookie.name
        readyPath = settings.health.readyPath ?? "/readyz"
        maxBodyBytes = settings.maxHttpBufferSize
        let silence = settings.pingIntervalMs + settings.pingTimeoutMs
        idleSeconds = (silence + 999) / 1_000 + 15
        keepAliveSeconds = max(1, settings.limits.keepAliveTimeoutMs / 1_000 - 1)
        pingSeconds = (silence + 999) / 1_000
    }

    /// The longest silence itself.
    let pingSeconds: Int

    /// `*:8080`, as HAProxy and Traefik's comments want it.
    var listenAddress: String {
        let host = listen.host.contains(":") ? "[\(listen.host)]" : listen.host
        return "\(host.isEmpty ? "*" : host):\(listen.port)"
    }

    /// The command that makes the same again.
    func command(_ balancer: String) -> String {
        var words = ["socketio-server proxy-config \(balancer)"]
        words += nodes.map { "--node \($0.tag)=\($0.address)" }
        words.append("--listen '\(listenAddress)'")
        if stickiness != .sid { words.append("--sticky \(stickiness.rawValue)") }
        return words.joined(separator: " ")
    }

    /// Comment lines that hold for every balancer.
    func introduction(_ balancer: String, _ product: String) -> String {
        """
        # \(product) in front of socketio-server. Made by:
        #   \(command(balancer))
        #
        # Name the address of this balancer in `trustedProxies` of every node, and give each node its `nodeTag`.
        """
    }
}
