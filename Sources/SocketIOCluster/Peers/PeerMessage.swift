// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
package import NIOCore
package import SocketIOCore

/// The messages that nodes of this kind send each other on their own channel, which Node.js servers do not listen to
/// (protocol 5.11).
package struct PeerMessage: Codable {
    package enum Kind: String, Codable, CaseIterable {
        /// A heartbeat.
        case alive
        /// The node is about to end.
        case goodbye
        /// A question to all.
        case ask
        /// The answer to it, on the channel of the node that asked.
        case answer
        /// A message to the sender itself: when it arrives, everything sent before it has arrived, too.
        case echo

        package init(from decoder: any Decoder) throws {
            let text = try decoder.singleValueContainer().decode(String.self)
            guard let kind = Kind(bytesOf: text) else { throw WireFormatError.shape("kind of message") }
            self = kind
        }
    }

    package var type: Kind
    package var node: String
    // Heartbeats
    var tag: String?
    var uids: NameDictionary<String>?
    var version: String?
    var startedAt: Int64?
    var draining: Bool?
    var address: String?
    /// The address for requests for the node's sessions. Other nodes sign these requests with `forwardKey`.
    var forward: String?
    var forwardKey: String?
    var sessions: Int?
    var sockets: Int?
    /// The counts of published broadcasts; missing while messages wait that are counted already.
    var published: NameDictionary<UInt64>?
    /// What busy users consume in a second: for each the two halves of its key, events and bytes.
    var rates: [[UInt64]]?
    /// The node is new and wants to know the others at once.
    var hello: Bool?
    /// Whether `uids` has only some of the node's adapters, to be added to those that are known.
    package var partial: Bool?
    /// Whether the node understands answers in parts.
    var parts: Bool?
    // Questions and answers
    package var id: String?
    package var nsp: String?
    package var what: String?
    var opts: WireOptions?
    var count: Int?
    var rooms: NameDictionary<Int>?
    /// The place of this part of an answer, from 0; nil for an answer in one piece.
    var part: Int?
    /// Whether further parts follow.
    var more: Bool?
    /// Why there is no answer.
    var error: String?
    /// The secret of the session that the asking node wants to get.
    package var pid: String?
    // Echoes
    package var number: UInt64?
    // Members of signed messages; `PeerSignature` writes them.
    /// Milliseconds since 1970.
    private(set) var at: Int64?
    private(set) var nonce: String?

    package init(_ type: Kind, node: String) {
        self.type = type
        self.node = node
    }

    init(_ peer: ClusterPeer, hello: Bool, includesUIDs: Bool, includesCounts: Bool) {
        self.init(.alive, node: peer.nodeID)
        tag = peer.tag
        uids = includesUIDs ? peer.uids : nil
        version = peer.version
        startedAt = peer.startedAt
        draining = peer.isDraining
        address = peer.address
        forward = peer.forwardAddress
        forwardKey = peer.forwardKey
        sessions = peer.sessions
        sockets = peer.sockets
        parts = peer.takesParts
        published = includesUIDs && includesCounts ? peer.published : nil
        self.hello = hello ? true : nil
    }

    /// The node that sent the heartbeat. Sizes and numbers are limited, because a stranger could have made them up.
    package var peer: ClusterPeer? {
        let uids = uids ?? [:]
        guard node.utf8.count <= 64, uids.count <= 100_000,
            uids.values.allSatisfy({ $0.utf8.count <= PacketWireFormat.maximumIDBytes })
        else { return nil }
        var peer = ClusterPeer(
            nodeID: node, tag: (tag ?? node).prefix(maximumBytes: 64), uids: uids,
            version: (version ?? "").prefix(maximumBytes: 64),
            startedAt: startedAt ?? 0, isDraining: draining ?? false, address: address?.prefix(maximumBytes: 256),
            sessions: Self.count(sessions), sockets: Self.count(sockets), published: published ?? [:])
        peer.takesParts = parts ?? false
        peer.forwardAddress = forward?.prefix(maximumBytes: 300)
        peer.forwardKey = forwardKey?.prefix(maximumBytes: 256)
        return peer
    }

    /// A count from another node, limited so that the sum of several cannot overflow.
    static func count(_ number: Int?) -> Int { max(0, min(number ?? 0, 1 << 40)) }

    /// The channel that only this node listens to.
    package static func channel(of nodeID: String, key: String) -> String { "\(key)-node#\(nodeID)#" }

    /// The channel that all nodes listen to.
    package static func channel(key: String) -> String { "\(key)-node#" }

    /// The message for all nodes, or for one; signed when the nodes have a secret.
    package func text(to nodeID: String?, _ configuration: ClusterConfiguration) throws -> ByteBuffer {
        let text = try RawJSON(encoding: self).text
        guard let secret = configuration.secret else { return text }
        let channel =
            nodeID.map { Self.channel(of: $0, key: configuration.key) } ?? Self.channel(key: configuration.key)
        return PeerSignature(key: secret).sign(text, for: channel)
    }
}

extension ClusterChannel {
    /// Sends a message to all nodes of this kind, or to one.
    func publish(
        _ message: PeerMessage, to nodeID: String?, _ configuration: ClusterConfiguration,
        _ done: ClusterCallback<Void>? = nil
    ) throws {
        let text = try message.text(to: nodeID, configuration)
        try publish(
            .peer(text, isForOne: nodeID != nil), to: nodeID.map { .server($0) } ?? .everyone, isForPeer: true, done)
    }
}
