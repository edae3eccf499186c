// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore

/// What the owner of a client does with a packet it received.
///
/// `slot` stands for one connection to one namespace: a small number that stays the same from `connect` until
/// `ClientStateMachine.left` or `connectFailed`, and may be used again afterwards. An array indexed by it holds the
/// sockets.
package enum ClientAction: Sendable, Equatable {
    /// Look the namespace up, create a socket and run its middlewares; then report `connected` or `connectFailed`.
    case connect(slot: ClientSlot, nsp: String, auth: ByteBuffer?)
    /// Answer with CONNECT_ERROR and carry on; no slot is in use.
    case refuseConnect(nsp: String, ConnectRefusal)
    /// Pass the event in the packet to the socket.
    case event(slot: ClientSlot)
    /// Pass the answer in the packet to the socket's ack table, which ignores ids it does not know.
    case ack(slot: ClientSlot, id: Int)
    /// The client leaves: close the socket with `client namespace disconnect`, which includes reporting `left`.
    case disconnect(slot: ClientSlot)
    /// Drop the packet.
    case ignore(IgnoredPacket)
    /// Close the session; every socket gets `forced server close`. All later packets are ignored.
    case violation(ProtocolViolation)
}

/// A limit that a CONNECT exceeds.
package enum ConnectRefusal: Sendable, Hashable {
    /// The name of the namespace is too long.
    case namespaceTooLong(limit: Int)
    /// The client has joined, or is joining, the largest allowed number of namespaces.
    case tooManyNamespaces(limit: Int)
    /// `auth` has too many bytes.
    case authTooLarge(limit: Int)
    /// The `auth` of all namespaces of the client together has too many bytes.
    case authTooLargeTogether(limit: Int)

    /// The error message for the client.
    package var message: String {
        switch self {
        case .namespaceTooLong: "Invalid namespace"
        case .tooManyNamespaces: "Too many namespaces"
        case .authTooLarge(let limit): "auth too large: at most \(limit) bytes are accepted"
        case .authTooLargeTogether(let limit):
            "auth too large: at most \(limit) bytes are accepted for all namespaces of a connection together"
        }
    }
}

/// Why a packet was dropped without consequences; for counters.
package enum IgnoredPacket: Sendable, Hashable, CaseIterable {
    /// The client has been closed.
    case clientClosed
    /// The socket was disconnected in the same batch of packets.
    case socketJustLeft
    /// An acknowledgement without an id.
    case ackWithoutID
    /// The namespace is not joined, and `lenientNamespaceErrors` is on.
    case namespaceNotJoined
}

/// What a client did that the protocol does not allow (protocol 3.9, second row).
package enum ProtocolViolation: Sendable, Hashable {
    /// A second CONNECT for a namespace that is joined or being joined.
    case alreadyConnected(nsp: String)
    /// CONNECT_ERROR is for servers only.
    case connectErrorFromClient(nsp: String)
    /// Any other packet for a namespace that is not joined.
    case namespaceNotJoined(nsp: String)

    /// For logs: what the client did, without what it sent.
    package var words: String {
        switch self {
        case .alreadyConnected: "a second CONNECT to a namespace"
        case .connectErrorFromClient: "a CONNECT_ERROR, which only servers send"
        case .namespaceNotJoined: "a packet for a namespace that it has not joined"
        }
    }
}
