// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import SocketIOCore
internal import SocketIOServer

/// The answer to a question of a peer. It is built and sent off the event loops, when the shards have replied.
struct PeerAnswer: Sendable {
    /// The message with which every part of the answer begins.
    let reply: PeerMessage
    /// The id of the asking node.
    let asking: String
    /// Whether the peer understands answers in parts and the report that there is no answer.
    let takesParts: Bool
    let services: ClusterServices
    let channel: any ClusterChannel

    private var configuration: ClusterConfiguration { services.configuration }

    /// When it is this answer's turn, asks this node's adapter and sends its reply.
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

    /// Gives no answer: counts and logs that, and tells a peer that understands it.
    private func refuse(_ error: any Error, _ limit: ClusterLimit = .answerBytes) {
        services.answerRefused(error, limit)
        guard takesParts else { return }
        var reply = reply
        reply.error = String(describing: error)
        try? publish(reply)
    }

    private func publish(_ reply: PeerMessage) throws {
        try channel.publish(reply, to: asking, configuration)
    }

    private func send(_ rooms: NameDictionary<Int>) throws {
        let (limit, name) = (configuration.maxMessageBytes, configuration.maxMessageBytesName)
        guard takesParts else {
            var reply = reply
            reply.rooms = rooms
            let bytes = try reply.text(to: asking, configuration).readableBytes
            guard bytes <= limit else { throw ClusterError.tooLarge(bytes, limit: limit, name: name) }
            return try publish(reply)
        }
        let parts = try AnswerParts(rooms, limit: max(1, limit - PeerSignature.overhead), name: name) {
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
