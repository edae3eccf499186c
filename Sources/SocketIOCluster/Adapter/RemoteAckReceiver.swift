// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore
internal import SocketIOServer

/// Reports the acknowledgements that this node's clients give to another node's broadcast back to that node.
final class RemoteAckReceiver: BroadcastAckReceiver {
    let timeout: Duration
    private let requestID: String
    private let destination: AnswerDestination

    init(requestID: String, timeout: Duration, destination: AnswerDestination) {
        self.requestID = requestID
        self.timeout = timeout
        self.destination = destination
    }

    /// The most socket ids that are reported; for more sockets only their number is.
    private static let mostIDs = 10_000

    func reached(socketIDs: [String]) {
        guard let uid = destination.signature, socketIDs.count <= Self.mostIDs else {
            return reached(clients: socketIDs.count)
        }
        var response = ClusterResponse(requestID: requestID, type: .broadcastClientCount, uid: uid)
        response.clientCount = Double(socketIDs.count)
        response.sids = socketIDs
        if (try? destination.send(response)) == nil { reached(clients: socketIDs.count) }
    }

    func reached(clients: Int) {
        var response = ClusterResponse(requestID: requestID, type: .broadcastClientCount, uid: destination.signature)
        response.clientCount = Double(clients)
        send { response }
    }

    func acknowledged(_ arguments: EventArguments, socketID: String?) {
        let hasLeft = send {
            var response = ClusterResponse(requestID: requestID, type: .broadcastAck, uid: destination.signature)
            if destination.signature != nil { response.sid = socketID }
            if !arguments.isEmpty {
                let raw = arguments.payload.rawJSON(at: arguments.offset)
                // It is encoded anew only to number its placeholders from 0.
                response.packet = raw.hasAttachments ? try RawJSON(encoding: raw) : raw
            }
            return response
        }
        // The asking node must not wait for an acknowledgement that cannot be passed on.
        if !hasLeft { disconnected(socketID: socketID ?? "") }
    }

    func disconnected(socketID: String) {
        guard let uid = destination.signature else { return }
        var response = ClusterResponse(requestID: requestID, type: .broadcastAck, uid: uid)
        response.sid = socketID
        response.gone = true
        send { response }
    }

    /// Sends a response. False when it is too large or nested too deeply, which is counted and logged.
    @discardableResult
    private func send(_ response: () throws -> ClusterResponse) -> Bool {
        do {
            try destination.send(try response())
            return true
        } catch {
            destination.note(error)
            return false
        }
    }
}
