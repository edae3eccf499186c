// Part of socketio-server, MIT licence; see LICENSE.

/// Carries requests of other nodes' sessions to those nodes, so that long-polling works behind a balancer that knows no
/// sessions (protocol 6.6). For `EngineConfiguration.forwarding`.
///
/// The node listens on an address of its own for the other nodes, apart from that for clients. What comes there must be
/// signed. It is not encrypted: the address belongs into a network that only the nodes can reach.
public struct ForwardingConfiguration: Sendable {
    /// What happens to an upgrade whose session lives on another node.
    public enum UpgradePolicy: String, Sendable, Codable, Hashable, CaseIterable {
        /// The connection is carried there for as long as it lives.
        case tunnel
        /// It is refused with code 1, and the session stays on polling.
        case refuse
    }

    /// Knows the other nodes, and tells them of this one.
    public var directory: any ForwardingDirectory
    /// Default ``UpgradePolicy/tunnel``.
    public var upgradePolicy = UpgradePolicy.tunnel
    /// The address to listen on for other nodes. Default nil: the one this machine has towards the directory's server, if
    /// that is private.
    public var host: String?
    /// The port to listen on for other nodes; 0, the default, lets the system choose.
    public var port = 0
    /// `HOST:PORT` as other nodes reach it, where that is not the address listened on: behind NAT, in containers. Default
    /// nil.
    public var advertise: String?
    /// What requests between nodes are signed with, at least 16 bytes and the same on all nodes. Default nil: each node
    /// makes a random key and tells it to the others by the directory.
    public var secret: ForwardingKey?
    /// How long it may take to connect to another node, and how much longer than a heartbeat allows its answer may take;
    /// default 3 s.
    public var timeout = Duration.seconds(3)
    /// Requests of one event loop that may be under way to one node, held polls included; over it 503. Default 4,096.
    public var maxRequestsPerOwner = 4096
    /// WebSockets that may be carried to other nodes; over it their upgrade is refused. Default 10,000.
    public var maxTunnels = 10_000
    /// The largest answer of another node, in bytes; over it the request is refused. Default 16 MiB.
    public var maxAnswerSize = 16 * 1024 * 1024

    /// All defaults.
    public init(directory: any ForwardingDirectory) {
        self.directory = directory
    }

    /// Adds what cannot work to `problems`, in words for the log.
    package func check(_ problems: inout [String]) {
        if !(0...65_535).contains(port) { problems.append("forwarding.port must be 0 to 65535, it is \(port)") }
        if let host, host.isEmpty { problems.append("forwarding.host must not be empty") }
        if let advertise, ForwardingAddress(advertise) == nil {
            problems.append("forwarding.advertise must be HOST:PORT, it is \(advertise)")
        }
        if timeout <= .zero || timeout > .seconds(86_400) {
            problems.append("forwarding.timeout must be above 0, at most a day")
        }
        if maxRequestsPerOwner < 1 { problems.append("forwarding.maxRequestsPerOwner must be at least 1") }
        if maxTunnels < 0 { problems.append("forwarding.maxTunnels must not be negative") }
        if maxAnswerSize < 1024 { problems.append("forwarding.maxAnswerSize must be at least 1024") }
        if let secret, secret.byteCount < ForwardingKey.minimumBytes {
            problems.append("forwarding.secret must have at least \(ForwardingKey.minimumBytes) bytes")
        }
    }
}
