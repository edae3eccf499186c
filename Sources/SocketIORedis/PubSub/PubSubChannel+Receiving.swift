// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCluster
internal import SocketIOCore
internal import SocketIOServer

/// What Redis brings, on its event loop.
extension PubSubChannel {
    func receivedBroadcast(_ message: ByteBuffer, channel: ByteBuffer, _ receiver: ClusterReceiver) {
        // Half of what arrives when a node talks and none answers.
        if message.starts(with: signature) { return backend.heardOwn(message) }
        let room = names.room(of: channel)
        guard !room.isForeign, let sender = PubSubWireFormat.sender(of: message) else {
            if !room.isForeign { receiver.dropped("broadcast", WireFormatError.shape("no sender")) }
            return
        }
        guard !sender.hasSameBytes(as: uid) else { return }
        receiver.runIfHere { $0.heardBroadcast(from: sender) }
        if case .room(let name) = room, !receiver.hasRoom(name) { return backend.bus.counters.filtered.increment() }
        do {
            guard
                let (packet, options) = try PubSubWireFormat.broadcast(
                    message, namespace: namespace, limits: backend.limits)
            else { return }
            receiver.runIfHere { $0.deliver(packet, options) }
        } catch {
            receiver.dropped("broadcast", error)
        }
    }

    func receivedRequest(_ message: ByteBuffer, _ receiver: ClusterReceiver) {
        do {
            let request = try WireMessage.decode(ClusterRequest.self, message, limits: backend.limits)
            guard let type = ClusterRequestType(rawValue: request.type) else {
                throw WireFormatError.shape("request type \(request.type)")
            }
            // One's own echo: it has been acted on when it was sent.
            if request.uid?.hasSameBytes(as: uid) ?? false {
                if type.isData(hasRequestID: request.requestId != nil) { backend.heardOwn(message) }
                return
            }
            receiver.runIfHere { listener in
                listener.received(
                    ClusterMessage(namespace: namespace, sender: request.uid ?? "", .request(request)))
            }
        } catch {
            receiver.dropped("request", error)
        }
    }

    func receivedResponse(_ message: ByteBuffer, _ receiver: ClusterReceiver) {
        do {
            let response = try WireMessage.decode(ClusterResponse.self, message, limits: backend.limits)
            receiver.runIfHere { listener in
                listener.received(
                    ClusterMessage(namespace: namespace, sender: response.uid ?? "", .response(response)))
            }
        } catch {
            receiver.dropped("response", error)
        }
    }
}
