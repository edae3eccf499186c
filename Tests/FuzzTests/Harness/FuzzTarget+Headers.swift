// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import NIOHTTP1

@testable internal import EngineIOServer

extension FuzzTarget {
    /// Values of headers, one a line: extensions, codings, addresses of proxies, signatures of nodes; and the cookie that is
    /// made of them.
    static let headers = FuzzTarget(name: "headers", maximumLength: 1024) { input in
        let lines = input.bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        try checkExtensions(lines)
        var forwarded = HTTPHeaders()
        for line in lines {
            for offered in [ContentCoding.allCases, [.gzip, .deflate], []] {
                let coding = ContentCoding.negotiate(line, offered: offered)
                try require(coding.map(offered.contains) ?? true, "a coding that was not offered")
            }
            forwarded.add(name: "X-Forwarded-For", value: line)
            forwarded.add(name: "X-Forwarded-Proto", value: line)
            try checkCookie(line)
            if let (signature, _) = ForwardingSignature.parse(line) {
                try require(signature.client.utf8.count <= 64, "a client of \(signature.client.utf8.count) bytes")
            }
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

    private static func checkCookie(_ line: String) throws {
        let cookie = CookieConfiguration().serialize(value: line, isSecure: true)
        try require(cookie.utf8.allSatisfy { 0x20...0x7E ~= $0 }, "a cookie holds other bytes than letters")
        try require(cookie.utf8.count { $0 == UInt8(ascii: ";") } == 4, "a value ends the cookie: \(cookie)")
    }
}
