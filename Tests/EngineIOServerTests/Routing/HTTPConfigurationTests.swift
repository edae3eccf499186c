// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import NIOHTTP1
import Testing

@testable import EngineIOServer
@testable import HTTPServerCore

@Suite("Engine configuration and small HTTP parts")
struct HTTPConfigurationTests {
    @Test func defaultsAreValidAndNodes() throws {
        let configuration = EngineConfiguration()
        try configuration.validate()
        #expect(configuration.effectivePath == "/socket.io/")
        #expect(configuration.pingInterval == .seconds(25) && configuration.pingTimeout == .seconds(20))
        #expect(configuration.maxHttpBufferSize == 1_000_000)
        // Two servers of one process must not take each other's sessions for their own.
        #expect(EngineConfiguration().nodeTag != configuration.nodeTag)
    }

    @Test func everyProblemIsNamed() throws {
        var configuration = EngineConfiguration()
        configuration.path = "socket io"
        configuration.nodeTag = "toolong"
        configuration.transports = []
        configuration.pingTimeout = .zero
        configuration.keepAliveTimeout = .seconds(90_000)
        configuration.maxHttpBufferSize = 0
        configuration.maxHeaders = -1
        configuration.cors = CORSConfiguration(origin: .reflect, credentials: true, optionsSuccessStatus: 42)
        configuration.cookie = CookieConfiguration(name: "a;b", path: "/\r\n")
        configuration.trustedProxies = ["10.0.0.0/8", "::1", "nonsense", "10.0.0.0/33"]
        configuration.httpCompression = HTTPCompressionConfiguration(threshold: -1, level: 10)
        configuration.perMessageDeflate = PerMessageDeflateConfiguration(threshold: -1, level: 0)
        let error = try #require(throws: EngineConfigurationError.self) { try configuration.validate() }
        let names = [
            "path", "nodeTag", "transports", "pingTimeout", "keepAliveTimeout", "maxHttpBufferSize", "maxHeaders",
            "cors ", "cors.optionsSuccessStatus", "cookie.name", "cookie.path", "trustedProxies",
            "httpCompression.threshold", "httpCompression.level",
            "perMessageDeflate.threshold", "perMessageDeflate.level",
        ]
        for name in names { #expect(error.problems.contains { $0.hasPrefix(name) }, "\(name)") }
        #expect(error.problems.count == names.count)
        #expect(error.description.contains("nonsense, 10.0.0.0/33"))
    }

    @Test func cookiesAreNodes() {
        let cookie = CookieConfiguration()
        #expect(cookie.serialize(value: "aKRVKs", isSecure: false) == "io=aKRVKs; Path=/; HttpOnly; SameSite=Lax")
        #expect(cookie.serialize(value: "a", isSecure: true) == "io=a; Path=/; HttpOnly; Secure; SameSite=Lax")
        let full = CookieConfiguration(
            name: "my", path: "/p", domain: "d", maxAge: .seconds(1000), httpOnly: false, secure: true,
            sameSite: .strict)
        #expect(
            full.serialize(value: "ä b", isSecure: false)
                == "my=%C3%A4%20b; Max-Age=1000; Domain=d; Path=/p; Secure; SameSite=Strict")
    }

    @Test(
        arguments: [
            (nil, nil), ("", nil), ("gzip", .gzip), ("deflate", .deflate), ("deflate, gzip", .deflate),
            ("gzip, deflate", .gzip), ("gzip;q=0.5, deflate;q=0.8", .deflate), ("*", .gzip), ("gzip;q=0, *", .deflate),
            ("gzip;q=0", nil), ("identity", nil), ("br", nil), ("GZIP;Q=1", .gzip), ("*;q=0", nil),
            ("identity, gzip", .gzip),
            ("gzip;q=nan", nil), ("gzip;q=-1", nil), (";;;,,=", nil), ("gzip;q=1e400", .gzip),
            ("*;q=0.5, deflate;q=0.5", .deflate),
        ] as [(String?, ContentCoding?)])
    func codingsAreNegotiated(_ header: String?, _ expected: ContentCoding?) {
        #expect(BodyCompression.choose(acceptEncoding: header) == expected)
    }

    @Test(arguments: [0, 1, 1000, 100_000], [ContentCoding.gzip, .deflate])
    func compressionRoundTrips(size: Int, coding: ContentCoding) throws {
        let body = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 / 7) })
        let packed = try #require(BodyCompression.compress(body, coding: coding))
        let magic = packed.getBytes(at: packed.readerIndex, length: 2)
        #expect(magic == (coding == .gzip ? [0x1F, 0x8B] : [0x78, 0x9C]))
        #expect(try Inflate.whole(packed) == body)
        if size > 1000 { #expect(packed.readableBytes < size / 10) }
        #expect(BodyCompression.compress(body, coding: .brotli) == nil)
    }

    @Test(arguments: [
        ("203.0.113.9", "10.0.0.1", "203.0.113.9"), ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1"), ("10.1.2.3", "junk, 10.9.9.9", "10.9.9.9"),
        ("10.1.2.3", "[2001:db8::1]:443", "2001:db8::1"), ("10.1.2.3", "198.51.100.1:9999", "198.51.100.1"),
        ("::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1"), ("fd00::1", "198.51.100.1", "198.51.100.1"),
        ("fd01::1", "198.51.100.1", "fd01::1"),
    ])
    func onlyTrustedProxiesAreBelieved(_ peer: String, _ forwarded: String, _ expected: String) {
        let proxies = TrustedProxies(["10.0.0.0/8", "fd00::/16"])
        let headers: HTTPHeaders = forwarded.isEmpty ? [:] : ["X-Forwarded-For": forwarded]
        let found = proxies.isTrusted(peer) ? proxies.clientAddress(behind: peer, headers: headers) : peer
        #expect(found == expected)
        #expect(!TrustedProxies([]).isTrusted(peer))
    }

    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
        ] as [(Int64, String)])
    func datesAreFormatted(_ seconds: Int64, _ expected: String) {
        #expect(DateHeader.format(secondsSince1970: seconds) == expected)
    }

    @Test func refusalsAreJSON() {
        let refusal = HTTPServerResponse.refusal(.forbidden, message: "say \"no\"\\\n\u{1}ä")
        #expect(refusal.status == .forbidden)
        #expect(String(buffer: refusal.body) == #"{"code":4,"message":"say \"no\"\\\n\u0001ä"}"#)
    }

    @Test func handshakesKeepWhatHooksNeed() {
        let request = HTTPServerRequest(
            method: .GET, target: "/socket.io/?a=1&b=x%20y&a=2", headers: ["X-A": "b"], clientAddress: "192.0.2.1")
        let info = HandshakeInfo(request)
        #expect(info.query == ["a": "2", "b": "x y"] && info.method == "GET" && info.headers["x-a"] == ["b"])
        #expect(info.remoteAddress == "192.0.2.1" && !info.isSecure && info.time > 1_700_000_000_000)
    }
}
