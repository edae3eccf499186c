// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import NIOHTTP1

/// The headers of polling answers (protocol 1.8.2, 1.8.3), as bytes ready to be sent.
struct PollingHeaders {
    static let ok = ByteBuffer(string: "ok")

    static let post = PollingHeaders("Content-Type: text/html\r\ncache-control: no-store\r\n")

    static let poll = PollingHeaders("Content-Type: text/plain; charset=UTF-8\r\ncache-control: no-store\r\n")

    /// Revision 3, when there is binary data.
    static let binaryPoll = PollingHeaders("Content-Type: application/octet-stream\r\ncache-control: no-store\r\n")

    let lines: StaticString
    /// The same one by one.
    let fields: HTTPHeaders

    private init(_ lines: StaticString) {
        self.lines = lines
        fields = HTTPHeaders(
            lines.description.split(separator: "\r\n").compactMap { line in
                line.firstRange(of: ": ").map { (String(line[..<$0.lowerBound]), String(line[$0.upperBound...])) }
            })
    }

    /// Internet Explorer 8 blocks answers to forms it takes for script injection unless told not to.
    static func addScriptProtection(to headers: inout HTTPHeaders, for request: HTTPServerRequest) {
        if request.traits.isOfOldBrowser { headers.add(name: "X-XSS-Protection", value: "0") }
    }
}

extension EngineContext {
    var hasHeaderHooks: Bool { configuration.headers != nil || configuration.initialHeaders != nil }

    /// Adds the hints for load balancers (protocol 1.13, 6.5) and runs the header hooks (protocol 1.14).
    /// - Parameter sid: the session whose handshake this answers; nil for any later response.
    func decorate(_ headers: inout HTTPHeaders, request: HTTPServerRequest, handshakeOf sid: String?) {
        if let sid {
            if let cookie = configuration.cookie {
                let value =
                    switch cookie.value {
                    case .sid: sid
                    case .tag: configuration.nodeTag
                    }
                headers.add(
                    name: "Set-Cookie", value: cookie.serialize(value: value, isSecure: request.isClientSecure))
            }
            if let name = configuration.nodeTagHeader { headers.add(name: name, value: configuration.nodeTag) }
        }
        let initialHook = sid == nil ? nil : configuration.initialHeaders
        guard initialHook != nil || configuration.headers != nil else { return }
        let info = HandshakeInfo(request)
        initialHook?(&headers, info)
        configuration.headers?(&headers, info)
    }
}
