// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import SocketIOCore
package import SocketIOServer

/// A message between servers, independent of the format in which it travels.
package struct ClusterMessage: Sendable {
    package enum Content: Sendable {
        case broadcast(BroadcastPacket, BroadcastOptions)
        /// A broadcast whose acknowledgements go back to the sender.
        case acknowledgedBroadcast(requestID: String, BroadcastPacket, BroadcastOptions)
        indirect case request(ClusterRequest)
        indirect case response(ClusterResponse)
        /// A message that servers of this kind send about themselves, see ``PeerMessage``, to all of them or to one.
        case peer(ByteBuffer, isForOne: Bool)

        /// Whether the message is meant for clients or applications, and is therefore still of use after an outage.
        package var isData: Bool {
            switch self {
            case .broadcast: true
            case .request(let request):
                ClusterRequestType(rawValue: request.type)?.isData(hasRequestID: request.requestId != nil) ?? false
            case .acknowledgedBroadcast, .response, .peer: false
            }
        }

        /// Whether it is an event for applications, whose sender gets an error when it is too large.
        package var isServerSideEmit: Bool {
            guard case .request(let request) = self else { return false }
            return ClusterRequestType(rawValue: request.type) == .serverSideEmit
        }
    }

    package var namespace: String
    /// The uid of the adapter that has sent the message; empty when the message does not name it.
    package var sender: String
    /// Its place among the messages of the sender, from 1; nil when the message does not tell it.
    package var number: UInt64?
    package var content: Content

    package init(namespace: String, sender: String, number: UInt64? = nil, _ content: Content) {
        self.namespace = namespace
        self.sender = sender
        self.number = number
        self.content = content
    }
}
