// Part of socketio-server, MIT licence; see LICENSE.

/// Knows which nodes there are, and tells them about this one: what connects the nodes implements it.
public protocol ForwardingDirectory: AnyObject, Sendable {
    /// The node whose session ids begin with these four characters; nil when there is none, or it has said goodbye. Called
    /// on any event loop, for each request that belongs elsewhere; must not block.
    func owner(ofTag tag: String) -> ForwardingNode?

    /// Tells the other nodes where this one listens for them, now and whenever they ask; nil: nowhere any more.
    func announce(_ node: ForwardingNode?)

    /// Calls back with the address this machine has towards the directory's server, as text without port, each time it has
    /// connected: nil when that is not an IP connection.
    func whenConnected(_ callback: @escaping @Sendable (_ localAddress: String?) -> Void)
}

/// Where a node listens for the others.
public struct ForwardingNode: Sendable, Equatable {
    /// `HOST:PORT`, an IPv6 address in brackets.
    public var address: String
    /// What it wants requests to be signed with; nil when all nodes have the same secret.
    public var key: ForwardingKey?

    /// A node.
    public init(address: String, key: ForwardingKey? = nil) {
        self.address = address
        self.key = key
    }
}
