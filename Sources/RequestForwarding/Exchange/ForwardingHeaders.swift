// Part of socketio-server, MIT licence; see LICENSE.

internal import ByteText
internal import HTTPServerCore
internal import NIOCore
internal import NIOHTTP1

/// What of a request or an answer goes on to the next hop (RFC 9110, 7.6.1).
enum ForwardingHeaders {
    private static let hopByHop: NameSet = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    /// The head for the session's node.
    ///
    /// - Parameter bodyLength: nil for a request without a body.
    static func requestHead(
        _ request: HTTPServerRequest, owner: String, key: ForwardingKey, bodyLength: Int?
    ) -> HTTPRequestHead {
        // Headers that the client lists in `Connection` are forwarded, too: for the client all nodes together are one
        // server, and it must not be able to hide headers from the session's node, such as those a proxy has added.
        var headers = withoutHopByHop(request.headers)
        for name in ["content-length", "expect", ForwardingSignature.header] { headers.remove(name: name) }
        if !headers.contains(name: "host") { headers.add(name: "Host", value: owner) }
        if let peer = request.remoteAddress?.ipAddress {
            let chain = headers["x-forwarded-for"] + [peer]
            headers.replaceOrAdd(name: "X-Forwarded-For", value: chain.joined(separator: ", "))
        }
        let signature = ForwardingSignature(client: request.clientAddress, isSecure: request.isClientSecure)
        headers.add(
            name: ForwardingSignature.header,
            value: signature.value(method: request.method, target: request.target, key: key))
        if request.isUpgrade {
            headers.add(name: "Connection", value: "Upgrade")
            headers.add(name: "Upgrade", value: "websocket")
        }
        if let bodyLength { headers.add(name: "Content-Length", value: String(bodyLength)) }
        return HTTPRequestHead(version: .http1_1, method: request.method, uri: request.target, headers: headers)
    }

    private static func withoutHopByHop(_ headers: HTTPHeaders) -> HTTPHeaders {
        HTTPHeaders(headers.filter { name, _ in !hopByHop.contains(name.asciiLowercased) })
    }

    /// All headers of a response except those about the connection, and those that its `Connection` header lists.
    static func endToEnd(_ headers: HTTPHeaders) -> HTTPHeaders {
        var named: NameSet = []
        for value in headers["connection"] {
            for element in value.split(byte: UInt8(ascii: ",")) {
                named.insert(String(element.trimmingBlanks).asciiLowercased)
            }
        }
        return HTTPHeaders(
            headers.filter { name, _ in
                let name = name.asciiLowercased
                return !hopByHop.contains(name) && !named.contains(name)
            })
    }
}
