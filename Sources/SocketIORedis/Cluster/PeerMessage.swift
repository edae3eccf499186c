// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import HiredisNIO
internal import NIOCore
internal import SocketIOCore

/// What our nodes tell each other on their own channel, which Node.js servers do not listen to (protocol 5.11).
struct PeerMessage: Codable {
    enum Kind: String, Codable, CaseIterable {
        /// A heartbeat.
        case alive
        /// The node ends.
        case goodbye
        /// A question to all.
        case ask
        /// The answer to it, on the channel of the node that asked.
        case answer
        /// To itself: what was sent before has come back.
        case echo

        init(from decoder: any Decoder) throws {
            let text = try decoder.singleValueContainer().decode(String.self)
            guard let kind = Kind(bytesOf: text) else { throw WireFormatError.shape("kind of message") }
            self = kind
        }
    }

    var type: Kind
    var node: String
    // Heartbeats
    var tag: String?
    var uids: NameDictionary<String>?
    var version: String?
    var startedAt: Int64?
    var draining: Bool?
    var address: String?
    /// Where requests for the node's sessions can be sent, and what they are to be signed with.
    var forward: String?
    var forwardKey: String?
    var sessions: Int?
    var sockets: Int?
    /// Missing while messages wait that have been counted.
    var published: NameDictionary<UInt64>?
    /// What busy users use in a second: of each the two halves of its key, events and bytes.
    var rates: [[UInt64]]?
    /// The node is new and wants to know the others at once.
    var hello: Bool?
    /// `uids` are some of the node's, to be added to those known.
    var partial: Bool?
    /// The node understands answers in parts.
    var parts: Bool?
    // Questions and answers
    var id: String?
    var nsp: String?
    var what: String?
    var opts: WireOptions?
    var count: Int?
    var rooms: NameDictionary<Int>?
    /// The place of this part of an answer, from 0; nil for an answer in one piece.
    var part: Int?
    /// Whether other parts follow.
    var more: Bool?
    /// Why there is no answer.
    var error: String?
    // Echoes
    var number: UInt64?
    // Of messages that are signed; see `PeerSignature`, which writes them
    /// Milliseconds since 1970.
    private(set) var at: Int64?
    private(set) var nonce: String?

    init(_ type: Kind, node: String) {
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

    /// The heartbeat's sender; what a stranger could have made up is limited in size and number.
    var peer: ClusterPeer? {
        let uids = uids ?? [:]
        guard node.utf8.count <= 64, uids.count <= 100_000,
            uids.values.allSatisfy({ $0.utf8.count <= PubSubWireFormat.maximumIDBytes })
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

    /// A number of things as another node tells it: not so large that adding some up overflows.
    static func count(_ number: Int?) -> Int { max(0, min(number ?? 0, 1 << 40)) }

    /// The channel only this node listens to.
    static func channel(of nodeID: String, key: String) -> String { "\(key)-node#\(nodeID)#" }

    /// The message, to be published on a channel; signed when the nodes have a secret.
    func signal(
        to channel: String, key: ForwardingKey?, _ completion: PublishCompletion? = nil
    ) throws -> PublishMessage {
        var text = try RawJSON(encoding: self).text
        if let key { text = PeerSignature(key: key).sign(text, for: channel) }
        return PublishMessage(command: RedisPublish(text, to: channel), kind: .signal, completion: completion)
    }
}
