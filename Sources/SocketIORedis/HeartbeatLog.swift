// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore

/// The last heartbeat of each node, for somebody who only listens. From any thread.
final class HeartbeatLog: Sendable {
    private struct Entry {
        var peer: ClusterPeer
        var heard: NIODeadline
    }

    /// Strangers may write to the channel too.
    private static let maximumNodes = 1024

    private let entries = NIOLockedValueBox<NameDictionary<Entry>>([:])
    private let channel: String
    private let verifier: NIOLockedValueBox<PeerVerifier?>

    /// - Parameters:
    ///   - channel: that of the heartbeats.
    ///   - secret: that of the nodes, if they have one.
    init(channel: String, secret: ForwardingKey?) {
        self.channel = channel
        verifier = NIOLockedValueBox(secret.map { PeerVerifier($0) })
    }

    func received(_ payload: ByteBuffer, at now: NIODeadline) {
        // What cannot be understood, or is not believed, is the business of the nodes, which count it.
        guard let message = try? believed(payload) else { return }
        entries.withLockedValue { entries in
            switch message.type {
            case .alive:
                // News of a single adapter do not tell how the node is.
                guard message.partial != true, let peer = message.peer,
                    entries[peer.nodeID] != nil || entries.count < Self.maximumNodes
                else { return }
                entries[peer.nodeID] = Entry(peer: peer, heard: now)
            case .goodbye: entries[message.node] = nil
            case .ask, .answer, .echo: break
            }
        }
    }

    private func believed(_ payload: ByteBuffer) throws -> PeerMessage {
        func read(_ payload: ByteBuffer) throws -> PeerMessage {
            try WireMessage.decode(PeerMessage.self, payload, limits: MessagePackLimits())
        }
        return try verifier.withLockedValue { try $0?.admit(payload, on: channel, read: read) ?? read(payload) }
    }

    /// The nodes heard so far, and whether there are as many as expected.
    func observation(
        at now: NIODeadline, expecting count: Int
    ) -> (nodes: [ClusterObserver.ObservedNode], isComplete: Bool) {
        let all = entries.withLockedValue { Array($0.values) }
        let nodes = all.map { ClusterObserver.ObservedNode(node: ClusterNode($0.peer), age: now - $0.heard) }
            .sorted {
                (ExactName($0.node.tag), ExactName($0.node.id)) < (ExactName($1.node.tag), ExactName($1.node.id))
            }
        return (nodes, nodes.count >= count)
    }
}
