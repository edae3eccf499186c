// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import NIOHTTP1

@testable internal import EngineIOServer
@testable internal import HTTPServerCore
@testable internal import RequestForwarding

extension FuzzTarget {
    /// Values of headers, one a line: extensions, codings, addresses of proxies, signatures of nodes, the headers of a
    /// WebSocket; and the cookie that is made of them.
    static let headers = FuzzTarget(name: "headers", maximumLength: 1024) { input in
        let lines = input.bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        try checkExtensions(lines)
        for key in [lines.first ?? "", "dGhlIHNhbXBsZSBub25jZQ=="] { try checkHandshake(key: key, lines.dropFirst()) }
        var forwarded = HTTPHeaders()
        for line in lines {
            for offered in [ContentCoding.allCases, [.gzip, .deflate], []] {
                let coding = ContentCoding.negotiate(line, offered: offered)
                try require(coding.map(offered.contains) ?? true, "a coding that was not offered")
            }
            forwarded.add(name: "X-Forwarded-For", value: line)
            forwarded.add(name: "X-Forwarded-Proto", value: line)
            try checkCookie(line)
            try checkSignature(line)
        }
        let proxies = TrustedProxies(["10.0.0.0/8", "fd00::/8"] + lines)
        try require(proxies.invalid.count <= lines.count, "more faults than networks")
        let client = proxies.clientAddress(behind: "10.0.0.1", headers: forwarded)
        try require(client.isAddress, "the client's address is \(client.debugDescription)")
        _ = proxies.saysSecure(headers: forwarded)
    }

    private static func checkExtensions(_ lines: [String]) throws {
        guard let offers = ExtensionOffer.parse(lines) else { return }
        let written = offers.map { offer in
            let parameters = offer.parameters.map { parameter in
                parameter.value.map { "\(parameter.name)=\($0)" } ?? parameter.name
            }
            return ([offer.name] + parameters).joined(separator: "; ")
        }
        try require(
            offers.isEmpty || ExtensionOffer.parse([written.joined(separator: ", ")]) == offers,
            "written and read again: \(written) is not \(offers)")
        guard let agreement = DeflateAgreement(offers) else { return }
        try require(9...15 ~= agreement.windowBits, "a window of \(agreement.windowBits) bits")
        try require(ExtensionOffer.parse([agreement.headerValue])?.count == 1, "the answer is \(agreement.headerValue)")
    }

    /// The opening handshake of a WebSocket: what a client says is in the answer, and never makes a line of its own.
    private static func checkHandshake(key: String, _ lines: ArraySlice<String>) throws {
        var headers: HTTPHeaders = ["Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key]
        if let protocols = lines.first { headers.add(name: "Sec-WebSocket-Protocol", value: protocols) }
        for line in lines.dropFirst() { headers.add(name: "Sec-WebSocket-Extensions", value: line) }
        let request = HTTPServerRequest(method: .GET, target: "/", headers: headers, isUpgrade: true)
        guard let handshake = try? WebSocketHandshake(request, allowsCompression: true) else { return }
        let answer = String(buffer: handshake.response(adding: [:]))
        var expected = ["Upgrade", "Connection", "Sec-WebSocket-Accept"]
        if !lines.isEmpty { expected.append("Sec-WebSocket-Protocol") }
        if handshake.deflate != nil { expected.append("Sec-WebSocket-Extensions") }
        let names = answer.utf8.split(whereSeparator: { $0 == 0x0D || $0 == 0x0A }).dropFirst().map { line in
            String(decoding: line.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
        }
        try require(names == expected, "the answer has other lines: \(answer.debugDescription)")
    }

    private static func checkSignature(_ line: String) throws {
        guard let (fields, text) = ForwardingSignature.parse(line) else { return }
        let key = ForwardingKey("a secret of the cluster")
        try require(fields.client.utf8.count <= 64, "a client of \(fields.client.utf8.count) bytes")
        try require(
            !fields.isSigned(text, method: .GET, target: "/", key: key), "a request that nobody has signed is believed")
        let value = fields.value(method: .GET, target: "/", key: key)
        guard let (again, signature) = ForwardingSignature.parse(value) else {
            throw FuzzFinding("the signature \(value) is written, and is refused")
        }
        try require(
            again.isSigned(signature, method: .GET, target: "/", key: key) && again.client == fields.client,
            "\(value) is not signed")
        try require(
            !again.isSigned(signature, method: .GET, target: "/other", key: key), "\(value) is good for another request"
        )
    }

    private static func checkCookie(_ line: String) throws {
        let cookie = CookieConfiguration().serialize(value: line, isSecure: true)
        try require(cookie.utf8.allSatisfy { 0x20...0x7E ~= $0 }, "a cookie holds other bytes than letters")
        try require(cookie.utf8.count { $0 == UInt8(ascii: ";") } == 4, "a value ends the cookie: \(cookie)")
    }
}
