// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOCore
import NIOCore
import NIOHTTP1
import ProcessTesting
import Testing

@testable import EngineIOServer
@testable import HTTPServerCore
@testable import RequestForwarding

/// What requests may say, in texts that cost Swift's strings the square of their length, and in texts they take for
/// others. Each is longer here than the limit on a request head lets in.
@Suite("Requests of combining marks cost no more than a few times as much as letters", .serialized)
struct HostileRequestTests {
    private static func expectLinear(
        _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ body: (String) throws -> Void
    ) rethrows {
        let marks = HostileText.marks(bytes: 60_000)
        let ratio = try ThreadCost.ratio(of: marks, to: HostileText.plain(bytes: marks.utf8.count), body)
        #expect(ratio < 6, what, sourceLocation: sourceLocation)
    }

    @Test("queries")
    func queries() {
        Self.expectLinear("parameters") { text in
            let info = HandshakeInfo(
                method: "GET", url: "/socket.io/?\(text)=1&b=\(text)&EIO=4\(text)&sid=\(text)", headers: [:],
                remoteAddress: "", isSecure: false, time: 0)
            #expect(info.query[text] == "1" && info.query["b"] != nil && info.query.count == 4)
            let request = HandshakeRequest(method: "GET", query: QueryParameters(target: info.url), isUpgrade: false)
            #expect(!request.isRevision4 && request.namesSession && StoredSessionID(request).packed == nil)
            #expect(LogText.shortened(text).utf8.count < 20)
        }
    }

    @Test("sessions whose ids the application made")
    func customIDs() {
        Self.expectLinear("ids") { text in
            var homes: [ExactName: Int] = [:]
            homes[ExactName(StoredSessionID(text).text)] = 1
            #expect(homes[ExactName(text)] == 1 && homes[ExactName(text + "b")] == nil)
        }
    }

    @Test("headers")
    func headers() {
        Self.expectLinear("lists and codings") { text in
            #expect(ContentCoding.negotiate("\(text), gzip;\(text)=1;q=0.5, \(text);q=1", offered: [.gzip]) == .gzip)
            let proxies = TrustedProxies(["10.0.0.0/8"])
            let headers: HTTPHeaders = [
                "X-Forwarded-For": "\(text), 1.2.3.4, \(text)", "X-Forwarded-Proto": "\(text), https",
            ]
            #expect(proxies.clientAddress(behind: "10.0.0.1", headers: headers) == "10.0.0.1")
            #expect(!proxies.saysSecure(headers: headers))
            let forwarded = ForwardingHeaders.endToEnd([
                "Connection": "\(text), X-Mine", "X-Mine": "1", "X-Other": text,
            ])
            #expect(forwarded.count == 1)
            #expect(ForwardingSignature.parse("v1;\(text)") == nil && ForwardingAddress(text + ":80") == nil)
        }
        Self.expectLinear("upgrades and origins") { text in
            let offers = ExtensionOffer.parse(["\(text)"])
            #expect(offers == nil || DeflateAgreement(offers ?? []) == nil)
            var cors = CORSConfiguration()
            cors.origin = .list(["http://a", "a"])
            let policy = CORSPolicy(cors)
            let request = HTTPServerRequest(method: .GET, target: "/", headers: ["Origin": text])
            #expect(policy?.evaluate(request).headers["access-control-allow-origin"].isEmpty == true)
        }
        Self.expectLinear("records for logs") { text in
            let record = RequestRecord(
                HTTPRequestRecord(
                    method: "GET", target: "/\(text)?sid=\(text)", status: 200, bytesSent: 0, duration: .zero,
                    clientAddress: ""))
            #expect(record.path.utf8.count <= 256 && record.sid?.utf8.count ?? 0 < 20)
        }
    }

    @Test("what is bounded is bounded in bytes")
    func bytes() {
        let text = HostileText.marks(bytes: 10_000)
        let record = RequestRecord(
            HTTPRequestRecord(
                method: "GET", target: "/" + text, status: 200, bytesSent: 0, duration: .zero, clientAddress: ""))
        #expect(record.path.utf8.count <= 256)
    }

    @Test("a separator of another alphabet separates nothing")
    func separators() {
        // U+037E equals the semicolon as a character of Swift.
        #expect(ForwardingSignature.parse("v1\u{37E}1\u{37E}aaaaaaaaaaaaaaaaaaaa\u{37E}0\u{37E}\u{37E}s") == nil)
        #expect(ContentCoding.negotiate("gzip\u{37E}q=0", offered: [.gzip]) == nil)
        // The sign of Kelvin is no letter of a name.
        let headers = ForwardingHeaders.endToEnd(["Connection": "\u{212A}eep-alive, to\u{212A}en", "token": "1"])
        #expect(headers.contains(name: "token"))
    }

    @Test("two queries that differ in their bytes are two", arguments: HostileText.twins)
    func twins(one: String, other: String) {
        func encoded(_ text: String) -> String { text.utf8.map { "%" + String($0, radix: 16) }.joined() }
        let info = HandshakeInfo(
            method: "GET", url: "/?\(encoded(one))=1&\(encoded(other))=2", headers: [:], remoteAddress: "",
            isSecure: false, time: 0)
        #expect(info.query[one] == "1" && info.query[other] == "2")
        #expect(ForwardingAddress(host: one, port: 1) != ForwardingAddress(host: other, port: 1))
        #expect(StoredSessionID(one).text.utf8.elementsEqual(one.utf8))
    }
}
