// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore
internal import SocketIOServer

/// Passes what happens to an acknowledged broadcast here on to the node it came from.
final class RemoteAckReceiver: BroadcastAckReceiver {
    let timeout: TimeAmount
    private let requestID: String
    private let destination: AnswerDestination

    init(requestID: String, timeout: TimeAmount, destination: AnswerDestination) {
        self.requestID = requestID
        self.timeout = timeout
        self.destination = destination
    }

    /// Most ids that are told; of more sockets the number alone.
    private static let mostIDs = 10_000

    func reached(socketIDs: [String]) {
        guard let uid = destination.signature, socketIDs.count <= Self.mostIDs else {
            return reached(clients: socketIDs.count)
        }
        var response = ClusterResponse(requestID: requestID, type: .broadcastClientCount, uid: uid)
        response.clientCount = Double(socketIDs.count)
        response.sids = socketIDs
        guard let text = try? response.text, text.readableBytes <= destination.limit else {
            return reached(clients: socketIDs.count)
        }
        destination.send(text)
    }

    func reached(clients: Int) {
        var response = ClusterResponse(requestID: requestID, type: .broadcastClientCount, uid: destination.signature)
        response.clientCount = Double(clients)
        send { try response.text }
    }

    func acknowledged(_ arguments: EventArguments, socketID: String?) {
        let hasLeft = send {
            var value: RawJSON?
            if !arguments.isEmpty {
                let raw = arguments.payload.rawJSON(at: arguments.offset)
                // Written anew only to number its placeholders from 0.
                value = raw.hasAttachments ? try RawJSON(encoding: raw) : raw
            }
            return try PubSubWireFormat.acknowledgement(
                requestID: requestID, value, signature: destination.signature.map { ($0, socketID) })
        }
        // Nobody is to wait for an answer that cannot be passed on.
        if !hasLeft { disconnected(socketID: socketID ?? "") }
    }

    func disconnected(socketID: String) {
        guard let uid = destination.signature else { return }
        var response = ClusterResponse(requestID: requestID, type: .broadcastAck, uid: uid)
        response.sid = socketID
        response.gone = true
        send { try response.text }
    }

    /// False, counted and logged, for what is too large or too deep.
    @discardableResult
    private func send(_ payload: () throws -> ByteBuffer) -> Bool {
        do {
            let payload = try payload()
            guard payload.readableBytes <= destination.limit else {
                throw ClusterError.tooLarge(payload.readableBytes, limit: destination.limit)
            }
            destination.send(payload)
            return true
        } catch {
            destination.note(error)
            return false
        }
    }
}
