// Part of socketio-server, MIT licence; see LICENSE.

internal import LoopConfinement
internal import NIOCore
internal import SocketIOCore

/// Somebody who waits for a client's acknowledgement.
enum PendingAcknowledgement {
    case single(
        since: NIODeadline, timer: TimerQueue.Token?, done: @Sendable (Result<EventArguments, any Error>) -> Void)
    case broadcast(since: NIODeadline, any BroadcastAckReceiver)
}

extension Socket {
    /// Sends the acknowledgement of a received event. From anywhere.
    func acknowledge(id: Int, _ arguments: consuming EncodedArguments) {
        // Emptied where it is used, so that the packet is completed around the text where it lies.
        var arguments = arguments
        if core.runIfHere({ $0.acknowledge(id: id, &arguments) }) != nil { return }
        core.run { [arguments] core in
            var arguments = arguments
            core.acknowledge(id: id, &arguments)
        }
    }
}

/// Acknowledgements in both directions.
extension SocketCore {
    func acknowledge(id: Int, _ arguments: inout EncodedArguments) {
        guard connected else { return }
        client.send(arguments.takeAck(nsp: part.name, id: id))
    }

    /// Sends an event and calls `done` once: with the acknowledgement, at the time-out, or at the disconnection.
    func request(
        _ event: String, _ arguments: EncodedArguments, _ flags: EmitFlags,
        _ done: @escaping @Sendable (Result<EventArguments, any Error>) -> Void
    ) -> Int? {
        guard let handle, !handle.isGone else {
            done(.failure(SocketError.disconnected))
            return nil
        }
        let id = handle.namespace.local.nextAckID()
        var timer: TimerQueue.Token?
        if let timeout = flags.timeout ?? client.shard.limits.acknowledgementTimeout {
            timer = client.shard.timers.schedule(after: timeout) { [weak self] in
                guard let self, self.acks.take(id) != nil else { return }
                self.context.metrics.acknowledgementsTimedOut.increment()
                done(.failure(SocketError.timeout))
            }
        }
        let registration = acks.register(
            id: id, limit: client.maxPendingAcknowledgements,
            handler: .single(since: home.eventLoop.now, timer: timer, done: done))
        guard registration == .registered else {
            if let timer { client.shard.timers.cancel(timer) }
            let limit = client.maxPendingAcknowledgements
            context.metrics.refused(.pendingAcks)
            done(
                .failure(
                    SocketError(
                        .tooManyPendingAcknowledgements, "\(limit) acknowledgements of this socket are pending")))
            return nil
        }
        var arguments = arguments
        send(event, &arguments, flags, id: id)
        return id
    }

    /// A broadcast is about to reach this socket; false when it cannot wait for another acknowledgement.
    func expect(acknowledgement id: Int, since: NIODeadline, _ receiver: any BroadcastAckReceiver) -> Bool {
        let handler = PendingAcknowledgement.broadcast(since: since, receiver)
        let registration = acks.register(id: id, limit: client.maxPendingAcknowledgements, handler: handler)
        if registration == .tooManyPending { context.metrics.refused(.pendingAcks) }
        return registration == .registered
    }

    /// Nobody waits for this acknowledgement any more.
    func forget(acknowledgement id: Int) {
        guard case .single(_, let timer?, _) = acks.take(id) else { return }
        client.shard.timers.cancel(timer)
    }

    /// The socket disconnects: every call that waits for an acknowledgement ends now.
    func failAcknowledgements(of id: String) {
        guard !acks.isEmpty else { return }
        for (_, pending) in acks.failAll() {
            switch pending {
            case .single(_, let timer, let done):
                if let timer { client.shard.timers.cancel(timer) }
                done(.failure(SocketError.disconnected))
            case .broadcast(_, let receiver):
                receiver.disconnected(socketID: id)
            }
        }
    }
}
