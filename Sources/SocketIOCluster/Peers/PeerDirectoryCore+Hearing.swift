// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import EngineIOServer
internal import Logging
internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// Handles the messages of other nodes and of this one.
extension PeerDirectoryCore: ClusterListener {
    /// Sends the routine heartbeat.
    func tick() {
        let now = services.eventLoop.now
        beatSentAt = now
        // A process that was stopped, or a machine that was paused, wakes with the others' heartbeats unread.
        let interval = TimeAmount(services.configuration.heartbeatInterval)
        if let tickedAt, now - tickedAt > interval { table.discountSilence(now - tickedAt - interval, at: now) }
        tickedAt = now
        // While this node receives nothing, the silence of the others does not mean that they have gone.
        if backend.hearsOthers {
            for peer in table.removeSilent(at: now) { lost(peer) }
        }
        heartbeat.beat(isRoutine: true)
        backend.heartbeatSent()
        probe?.look()
    }

    package func received(_ message: ClusterMessage) {
        guard case .peer(let payload, let isForOne) = message.content else {
            return services.invalid("node channel", WireFormatError.shape("not about servers"))
        }
        if let number = message.number, !windows.insert(number, of: message.sender) {
            return services.counters.unexpected.increment()
        }
        received(payload, on: isForOne ? channelNames.own : channelNames.all)
    }

    private func received(_ payload: ByteBuffer, on channel: String) {
        let message: PeerMessage
        do {
            message = try read(payload, on: channel)
        } catch let refused as PeerRefused {
            services.counters.refused(refused.reason)
            return services.log.log(
                .strangerRefused, ["reason": "\(refused.reason.rawValue)", "advice": "\(refused.reason.advice)"])
        } catch {
            return services.invalid("node channel", error)
        }
        guard !message.node.hasSameBytes(as: nodeID) else {
            if message.type == .echo, let number = message.number { backend.heardEcho(number) }
            if message.type == .alive, let sentAt = beatSentAt {
                services.counters.record(lag: services.eventLoop.now - sentAt)
                beatSentAt = nil
            }
            return
        }
        switch message.type {
        case .alive: heard(message)
        case .goodbye: if let peer = table.left(message.node) { lost(peer) }
        case .ask:
            questions.answer(
                message, member: message.nsp.flatMap { heartbeat.members[$0] },
                takesParts: table.node(message.node)?.takesParts ?? false)
        case .answer:
            let peer = table.peers.first { $0.nodeID.hasSameBytes(as: message.node) }
            questions.answered(message, by: message.nsp.flatMap { peer?.uids[$0] })
        case .echo: break
        }
    }

    private func read(_ payload: ByteBuffer, on channel: String) throws -> PeerMessage {
        let limits = services.configuration.limits
        func decode(_ payload: ByteBuffer) throws -> PeerMessage {
            try WireMessage.decode(PeerMessage.self, payload, limits: limits)
        }
        return try verifier?.admit(payload, on: channel, read: decode) ?? decode(payload)
    }

    private func heard(_ message: PeerMessage) {
        guard let peer = message.peer else {
            return services.invalid("node channel", WireFormatError.shape("heartbeat"))
        }
        let isPartial = message.partial == true || message.uids == nil
        switch table.heard(peer, isPartial: isPartial, at: services.eventLoop.now) {
        case .joined:
            nodesChanged()
            // After a partial heartbeat this node asks for the peer's adapters; after a hello the peer wants to know
            // this node's. Neither waits for the next routine heartbeat.
            if isPartial { heartbeat.greet(hello: true) } else if message.hello == true { heartbeat.greet() }
        case .updated(let gone):
            for uid in gone { forEachMember { $0.peerLost(uid) } }
            if message.hello == true { heartbeat.greet() }
            nodesChanged()
        case .refused(let limit):
            let (label, value): (ClusterLimit, Int) =
                switch limit {
                case .peers: (.peers, services.configuration.maxPeers)
                case .bytes: (.peerBytes, services.configuration.maxPeerBytes)
                }
            services.counters.refused(label)
            return services.log.log(.peerRefused, ["limit": "\(label.rawValue)", "value": "\(value)"])
        }
        if message.partial != true { heartbeat.rates?.heard(message.rateReports, from: peer.nodeID) }
        for (namespace, count) in peer.published {
            if let uid = peer.uids[namespace] { heartbeat.members[namespace]?.peerPublished(uid, count) }
        }
    }

    func lost(_ peer: ClusterPeer) {
        windows.forget(peer.nodeID)
        nodesChanged()
        heartbeat.rates?.heard([], from: peer.nodeID)
        for (namespace, uid) in peer.uids {
            heartbeat.members[namespace]?.peerLost(uid)
            questions.lost(peer: uid)
        }
    }

    private func forEachMember(_ body: (Member) -> Void) {
        for member in heartbeat.members.values { body(member) }
    }
}
