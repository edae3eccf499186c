// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import HiredisNIO
internal import SocketIOCore
internal import SocketIOServer

/// The answer to a question of a peer, made and sent from wherever the shards have told what is asked for.
struct PeerAnswer: Sendable {
    /// What every part of it begins with.
    let reply: PeerMessage
    let channel: String
    /// Whether the peer understands answers in parts, and that there is none.
    let takesParts: Bool
    let configuration: RedisClusterConfiguration
    let bus: RedisBus

    /// Asks this node's adapter and sends what it says, when it is this answer's turn.
    func give(
        _ what: PeerQuestions.Subject, _ options: BroadcastOptions, of local: MemoryAdapter, gate: AnswerGate
    ) async {
        guard await gate.enter() else {
            return refuse(ClusterError(.overloaded, "too many questions of other nodes wait for an answer"), .answers)
        }
        defer { gate.leave() }
        var reply = reply
        do {
            switch what {
            case .count:
                reply.count = try await local.count(options)
                try publish(reply)
            case .rooms: try send(try await local.countByRoom())
            }
        } catch {
            refuse(error)
        }
    }

    /// There is no answer: counted and logged, and told to a peer that understands it.
    private func refuse(_ error: any Error, _ limit: ClusterLimit = .answerBytes) {
        bus.answerRefused(error, limit)
        guard takesParts else { return }
        var reply = reply
        reply.error = String(describing: error)
        try? publish(reply)
    }

    private func publish(_ reply: PeerMessage) throws {
        bus.publish(try reply.signal(to: channel, key: configuration.secret))
    }

    private func send(_ rooms: NameDictionary<Int>) throws {
        let limit = configuration.maxMessageBytes
        guard takesParts else {
            var reply = reply
            reply.rooms = rooms
            let signal = try reply.signal(to: channel, key: configuration.secret)
            guard signal.payloadLength <= limit else {
                throw ClusterError.tooLarge(signal.payloadLength, limit: limit)
            }
            return bus.publish(signal)
        }
        let parts = try AnswerParts(rooms, limit: max(1, limit - PeerSignature.overhead)) {
            JSONBound.count(named: $0.key)
        }
        try parts.forEach { rooms, part, more in
            var reply = reply
            reply.rooms = NameDictionary(rooms.map { ($0.key, $0.value) }) { $1 }
            (reply.part, reply.more) = (part, more)
            try publish(reply)
        }
    }
}
