// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import NIOHTTP1

/// One HTTP request without its body, as the engine sees it: a head and a peer. It costs two references to hand on.
package struct EngineRequest: Sendable {
    private(set) var head: RequestHead
    private var peer: HTTPPeer
    /// Whether another node has sent it here, for its client: it is not sent on again.
    package var isForwarded = false

    init(_ head: RequestHead, from peer: HTTPPeer) {
        self.head = head
        self.peer = peer
    }

    package init(
        method: HTTPMethod, target: String, headers: HTTPHeaders = [:], remoteAddress: SocketAddress? = nil,
        clientAddress: String = "", isSecure: Bool = false, isClientSecure: Bool? = nil,
        isUpgrade: Bool = false
    ) {
        head = RequestHead(
            method: method, target: target, version: .http1_1, headers: headers, framing: .none, keepAlive: true,
            isUpgrade: isUpgrade, expectsContinue: false, traits: HeaderTraits(headers))
        peer = HTTPPeer(
            remoteAddress: remoteAddress, clientAddress: clientAddress, isSecure: isSecure,
            isClientSecure: isClientSecure ?? isSecure, isTrustedProxy: false)
    }

    package var method: HTTPMethod {
        get { head.method }
        set { head = head.with(method: newValue, target: head.target) }
    }

    /// Path and query as sent, undecoded.
    package var target: String { head.target }

    package var headers: HTTPHeaders { head.headers }

    var traits: HeaderTraits { head.traits }

    /// Peer address of the TCP connection; nil when the peer is already gone.
    package var remoteAddress: SocketAddress? { peer.remoteAddress }

    /// The client's address as text, without port, after the rules for trusted proxies; empty when unknown.
    package var clientAddress: String { peer.clientAddress }

    /// Whether this hop uses TLS.
    package var isSecure: Bool { peer.isSecure }

    /// Whether the client speaks TLS: on this hop, or with a trusted proxy in front that says so.
    package var isClientSecure: Bool { peer.isClientSecure }

    /// The host and port that the client asked for: those that a trusted proxy reports, otherwise those in `Host`. Nil
    /// when there are none, or several.
    package var authority: Authority? {
        let values = peer.isTrustedProxy ? headers["x-forwarded-host"] : []
        // With several proxies the first element belongs to the proxy that the client connected to.
        if let value = values.first { return Authority(value.utf8.prefix { $0 != UInt8(ascii: ",") }) }
        let hosts = headers["host"]
        return hosts.count == 1 ? Authority(hosts[0]) : nil
    }

    /// Whether the request asks for a WebSocket upgrade: `Connection` names `upgrade` and `Upgrade` names `websocket`.
    package var isUpgrade: Bool { head.isUpgrade }

    /// Turns it into the request of the client another node has sent it for.
    mutating func forwarded(for client: String, isSecure: Bool, without header: String) {
        var headers = head.headers
        headers.remove(name: header)
        head = head.with(headers)
        peer = HTTPPeer(
            remoteAddress: remoteAddress, clientAddress: client, isSecure: peer.isSecure, isClientSecure: isSecure,
            isTrustedProxy: false)
        isForwarded = true
    }
}

/// Who is at the other end of a connection. Only where proxies speak for several clients it depends on the request.
final class HTTPPeer: Sendable {
    let remoteAddress: SocketAddress?
    let clientAddress: String
    let isSecure: Bool
    let isClientSecure: Bool
    /// Whether the server trusts its `X-Forwarded-…` headers.
    let isTrustedProxy: Bool

    init(
        remoteAddress: SocketAddress?, clientAddress: String, isSecure: Bool, isClientSecure: Bool, isTrustedProxy: Bool
    ) {
        self.remoteAddress = remoteAddress
        self.clientAddress = clientAddress
        self.isSecure = isSecure
        self.isClientSecure = isClientSecure
        self.isTrustedProxy = isTrustedProxy
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
    /// Is told when the response has been sent; nil when nothing needs to know.
    package var tracker: AnswerTracker?

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
