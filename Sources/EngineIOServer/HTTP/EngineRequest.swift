// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import NIOHTTP1

/// The head of one HTTP request, as the engine sees it.
package struct EngineRequest: Sendable {
    package var method: HTTPMethod
    /// Path and query as sent, undecoded.
    package var target: String
    package var headers: HTTPHeaders
    /// Peer address of the TCP connection; nil when the peer is already gone.
    package var remoteAddress: SocketAddress?
    /// The client's address as text, without port, after the rules for trusted proxies; empty when unknown.
    package var clientAddress: String
    /// Whether this hop uses TLS.
    package var isSecure: Bool
    /// Whether the client speaks TLS: on this hop, or with a trusted proxy in front that says so.
    package var isClientSecure: Bool
    /// Whether the request asks for a WebSocket upgrade: `Connection` names `upgrade` and `Upgrade` names `websocket`.
    package var isUpgrade: Bool
    /// Whether another node has sent it here, for its client: it is not sent on again.
    package var isForwarded = false
    var traits = HeaderTraits()

    package init(
        method: HTTPMethod, target: String, headers: HTTPHeaders = [:], remoteAddress: SocketAddress? = nil,
        clientAddress: String = "", isSecure: Bool = false, isClientSecure: Bool? = nil,
        isUpgrade: Bool = false
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.remoteAddress = remoteAddress
        self.clientAddress = clientAddress
        self.isSecure = isSecure
        self.isClientSecure = isClientSecure ?? isSecure
        self.isUpgrade = isUpgrade
    }

    init(
        _ head: RequestHead, remoteAddress: SocketAddress?, clientAddress: String, isSecure: Bool, isClientSecure: Bool
    ) {
        self.init(
            method: head.method, target: head.target, headers: head.headers, remoteAddress: remoteAddress,
            clientAddress: clientAddress, isSecure: isSecure, isClientSecure: isClientSecure, isUpgrade: head.isUpgrade)
        traits = head.traits
    }
}

/// A complete HTTP answer. `Content-Length` is written by the HTTP layer.
package struct EngineResponse: Sendable {
    package var status: HTTPResponseStatus
    /// Headers that are the same in all answers of a kind, as lines with their line ends. They come before `headers`.
    package var fixedLines: StaticString = ""
    package var headers: HTTPHeaders
    package var body: ByteBuffer
    /// Ends the connection after the answer.
    package var closeConnection: Bool
    /// Whether another node has made it, so that what CORS and middlewares add is in it already.
    package var isForwarded = false

    package init(
        status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer(),
        closeConnection: Bool = false
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.closeConnection = closeConnection
    }
}

/// Why a request body could not be collected.
package enum RequestBodyError: Error, Equatable {
    /// More than the limit was announced or arrived.
    case tooLarge
    /// The connection ended, or the body took too long.
    case aborted
}
