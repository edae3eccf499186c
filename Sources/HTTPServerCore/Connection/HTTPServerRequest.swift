// Part of socketio-server, MIT licence; see LICENSE.

package import NIOCore
package import NIOHTTP1

/// One HTTP request without its body, as a service sees it: a head and a peer. Passing it on costs two references.
///
/// The properties that services read for every request are `@inlinable`, because services are in other modules.
package struct HTTPServerRequest: Sendable {
    package private(set) var head: RequestHead
    package private(set) var peer: HTTPPeer
    /// Whether another node has forwarded the request for its client. It must not be forwarded again.
    package private(set) var isForwarded = false

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

    @inlinable package var method: HTTPMethod { head.method }

    /// The same request with another method.
    package func with(_ method: HTTPMethod) -> HTTPServerRequest {
        var request = self
        request.head = head.with(method: method, target: head.target)
        return request
    }

    /// Path and query as sent, undecoded.
    @inlinable package var target: String { head.target }

    @inlinable package var headers: HTTPHeaders { head.headers }

    /// The facts about the headers that the parser has noted.
    @inlinable package var traits: HeaderTraits { head.traits }

    /// The peer address of the TCP connection; nil when the connection has already closed.
    @inlinable package var remoteAddress: SocketAddress? { peer.remoteAddress }

    /// The client's address as text, without port, according to the rules for trusted proxies; empty when unknown.
    @inlinable package var clientAddress: String { peer.clientAddress }

    /// Whether this hop uses TLS.
    @inlinable package var isSecure: Bool { peer.isSecure }

    /// Whether the client uses TLS, either on this hop or to a trusted proxy that says so.
    @inlinable package var isClientSecure: Bool { peer.isClientSecure }

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
    @inlinable package var isUpgrade: Bool { head.isUpgrade }

    /// Changes a request that another node has forwarded into the request of that node's client.
    package mutating func forwarded(for client: String, isSecure: Bool, without header: String) {
        var headers = head.headers
        headers.remove(name: header)
        head = head.with(headers)
        peer = HTTPPeer(
            remoteAddress: remoteAddress, clientAddress: client, isSecure: peer.isSecure, isClientSecure: isSecure,
            isTrustedProxy: false)
        isForwarded = true
    }
}

/// The other end of a connection. It depends on the request only where a proxy names the client.
package final class HTTPPeer: Sendable {
    package let remoteAddress: SocketAddress?
    package let clientAddress: String
    package let isSecure: Bool
    package let isClientSecure: Bool
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

/// A complete HTTP answer. The HTTP layer adds `Content-Length`.
package struct HTTPServerResponse: Sendable {
    package var status: HTTPResponseStatus
    /// Headers that are the same in all answers of a kind, as lines with their line ends. They are written before
    /// `headers`.
    package var fixedLines: StaticString = ""
    package var headers: HTTPHeaders
    package var body: ByteBuffer
    /// Whether the connection ends after the answer.
    package var closeConnection: Bool
    /// Whether another node has made the answer, so that the headers of CORS and middlewares are in it already.
    package var isForwarded = false
    /// Notified when the response has been sent; nil when nothing needs to know.
    package var tracker: AnswerTracker?
    /// Whether the status allows no body.
    package var hasNoBody: Bool { ResponseSerializer.hasNoBody(status) }

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
    /// The announced or received body is longer than the limit.
    case tooLarge
    /// The connection ended, or the body took too long.
    case aborted
}
