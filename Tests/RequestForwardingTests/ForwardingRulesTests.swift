// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import PeerLogging
internal import Testing

@testable internal import RequestForwarding

/// What is decided without a network: signatures, headers, addresses, shares.
@Suite("Forwarding: rules") struct ForwardingRulesTests {
    private static let key = ForwardingKey("sixteen letters!")
    private static let target = "/socket.io/?EIO=4&transport=polling&sid=AAAAB0123456789abcde"
    private static let now: Int64 = 1_700_000_000_000

    private static func signed(
        _ change: (inout ForwardingSignature) -> Void = { _ in }, method: HTTPMethod = .GET, key: ForwardingKey = key
    ) -> HTTPServerRequest {
        var signature = ForwardingSignature(client: "2001:db8::7", isSecure: true, timestamp: now)
        change(&signature)
        let value = signature.value(method: method, target: target, key: key)
        return HTTPServerRequest(
            method: .GET, target: target, headers: [ForwardingSignature.header: value, "Host": "a"])
    }

    private static func verifier() -> ForwardedRequestVerifier {
        ForwardedRequestVerifier(
            key: key, log: RateLimitedLogger(Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    }

    // MARK: Signatures

    @Test func theVerifierTakesASignedRequestAsThatOfTheClient() {
        var request = Self.signed()
        #expect(Self.verifier().admit(&request, now: Self.now + 10) == nil)
        #expect(request.clientAddress == "2001:db8::7")
        #expect(request.isClientSecure && request.isForwarded && !request.isSecure)
        #expect(!request.headers.contains(name: ForwardingSignature.header))
    }

    @Test func aRequestIsTakenOnce() {
        let verifier = Self.verifier()
        var (first, second) = (Self.signed { $0.nonce = "abcdefghijklmnopqrst" }, Self.signed())
        #expect(verifier.admit(&first, now: Self.now) == nil)
        #expect(verifier.admit(&second, now: Self.now) == nil)
        var again = Self.signed { $0.nonce = "abcdefghijklmnopqrst" }
        #expect(verifier.admit(&again, now: Self.now + 1000) == .replayed)
        #expect(!again.isForwarded && again.clientAddress.isEmpty)
    }

    @Test(arguments: [-30_001, 30_001, -3_600_000, 3_600_000] as [Int64])
    func aRequestOfAnotherTimeIsStale(age: Int64) {
        var request = Self.signed()
        #expect(Self.verifier().admit(&request, now: Self.now + age) == .stale)
    }

    @Test func clocksMayBeApart() {
        for age: Int64 in [-30_000, 0, 30_000] {
            var request = Self.signed()
            #expect(Self.verifier().admit(&request, now: Self.now + age) == nil)
        }
    }

    @Test func everythingSignedCounts() {
        var requests = [Self.signed(key: ForwardingKey("sixteen letters?")), Self.signed(method: .POST)]
        let signed = Self.signed()
        requests.append(HTTPServerRequest(method: .GET, target: signed.target + "x", headers: signed.headers))
        for (index, text) in [
            (1, "1700000000001"), (2, "abcdefghijklmnopqrst"), (3, "0"), (4, "10.0.0.1"),
            (5, String(repeating: "0", count: 64)),
        ] {
            var headers = signed.headers
            var parts = headers[ForwardingSignature.header][0].split(separator: ";").map(String.init)
            parts[index] = text
            headers.replaceOrAdd(name: ForwardingSignature.header, value: parts.joined(separator: ";"))
            requests.append(HTTPServerRequest(method: .GET, target: signed.target, headers: headers))
        }
        for var request in requests { #expect(Self.verifier().admit(&request, now: Self.now) == .wrongKey) }
    }

    @Test func whatIsNoSignatureIsRefused() {
        var unsigned = HTTPServerRequest(method: .GET, target: Self.target)
        #expect(Self.verifier().admit(&unsigned, now: Self.now) == .unsigned)
        let signature = (ForwardingSignature.header, Self.signed().headers[ForwardingSignature.header][0])
        var twice = HTTPServerRequest(method: .GET, target: Self.target, headers: HTTPHeaders([signature, signature]))
        #expect(Self.verifier().admit(&twice, now: Self.now) == .malformed)
        let nonce = "abcdefghijklmnopqrst"
        for value in [
            "", ";;;;;", "v1", "v2;1;\(nonce);0;;00", "v1;-1;\(nonce);0;;00", "v1;9999999999999999;\(nonce);0;;00",
            "v1;99999999999999999999999999;\(nonce);0;;00", "v1;1;short;0;;00", "v1;1;\(nonce);2;;00",
            "v1;1;\(nonce);0;a b;00", "v1;1;\(nonce);0;;00;", "v1;1;\(nonce);0;\u{e9};00", "v1;+1;\(nonce);0;;00",
            String(repeating: "v1;", count: 200),
        ] {
            var request = HTTPServerRequest(
                method: .GET, target: Self.target, headers: [ForwardingSignature.header: value])
            #expect(Self.verifier().admit(&request, now: Self.now) == .malformed, "\(value)")
        }
        for signature in ["", "0", "zz", String(repeating: "0", count: 63), String(repeating: "0", count: 66)] {
            var request = HTTPServerRequest(
                method: .GET, target: Self.target,
                headers: [ForwardingSignature.header: "v1;\(Self.now);\(nonce);0;;\(signature)"])
            #expect(Self.verifier().admit(&request, now: Self.now) == .wrongKey, "\(signature)")
        }
    }

    @Test func garbageNeverHarmsTheVerifier() {
        var rng = SystemRandomNumberGenerator()
        let verifier = Self.verifier()
        let good = Array(Self.signed().headers[ForwardingSignature.header][0].utf8)
        for _ in 0..<2000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...6, using: &rng) {
                bytes[Int.random(in: 0..<bytes.count, using: &rng)] = UInt8.random(in: 0...255, using: &rng)
            }
            var request = HTTPServerRequest(
                method: .GET, target: Self.target,
                headers: [ForwardingSignature.header: String(decoding: bytes, as: UTF8.self)])
            if bytes != good { #expect(verifier.admit(&request, now: Self.now) != nil) }
        }
    }

    @Test func noncesAreNeverTheSame() {
        let nonces = Set((0..<1000).map { _ in ForwardingNonce.make() })
        #expect(nonces.count == 1000 && nonces.allSatisfy { ForwardingNonce.isWellFormed($0) })
        // Every letter occurs at every place.
        for place in 0..<20 {
            #expect(Set(nonces.map { Array($0.utf8)[place] }).count > 50)
        }
        for text in [
            "", "abcdefghijklmnopqrs", "abcdefghijklmnopqrstu", "abcdefghijklmnopqrs+", "abcdefghijklmnopqr\u{e9}",
        ] {
            #expect(!ForwardingNonce.isWellFormed(text), "\(text)")
        }
    }

    @Test func noncesAreForgottenInTwoSteps() {
        /// Whether each of these numbers, at these times, was new.
        func news(_ steps: [(number: Int, now: Int64)], lifetime: Int64 = 100, capacity: Int = 3) -> [Bool] {
            var memory = NonceMemory(lifetime: lifetime, capacity: capacity)
            return steps.map { memory.remember("\($0.number)-abcdefghijklmnopqrst", now: $0.now) }
        }
        #expect(news([(1, 0), (1, 0), (2, 0), (2, 1)]) == [true, false, true, false])
        // Full twice: the first three have made room.
        #expect(news((0..<7).map { ($0, 0) } + [(0, 0), (6, 0)]) == Array(repeating: true, count: 8) + [false])
        #expect(news([(1, 0), (1, 101), (2, 101), (1, 300)]) == [true, false, true, true])
        #expect(news([(1, .min), (1, .max), (1, 0)]) == [true, false, true])
    }

    @Test func keysAreNotShown() {
        let key = ForwardingKey("a very secret secret")
        var configuration = ForwardingConfiguration(directory: NoDirectory())
        configuration.secret = key
        for text in [
            "\(key)", String(reflecting: key), "\(configuration)", "\(ForwardingNode(address: "a:1", key: key))",
        ] {
            #expect(!text.contains("secret secret") && !text.contains(key.hex), "\(text)")
        }
        let random = ForwardingKey.random()
        #expect(random != .random() && ForwardingKey(hex: random.hex) == random && random.hex.count == 64)
        for text in ["", "00", "0", "zz", String(repeating: "0", count: 31), String(repeating: "0", count: 258)] {
            #expect(ForwardingKey(hex: text) == nil)
        }
    }

    // MARK: Headers

    @Test func headersOfTheHopStayBehind() {
        let request = HTTPServerRequest(
            method: .POST, target: Self.target,
            headers: [
                "Host": "chat.example", "Connection": "keep-alive, X-Mine", "X-Mine": "1", "Keep-Alive": "timeout=5",
                "TE": "trailers", "Trailer": "x", "Transfer-Encoding": "chunked", "Upgrade": "h2c",
                "Proxy-Authorization": "x", "Proxy-Connection": "x", "Expect": "100-continue", "Content-Length": "99",
                "Origin": "https://a", "Cookie": "a=b", "X-Forwarded-For": "192.0.2.1",
                "x-sio-forward": "v1;of;a;client;;", "Content-Type": "text/plain",
            ], remoteAddress: try? SocketAddress(ipAddress: "10.0.0.9", port: 1), clientAddress: "192.0.2.1")
        let head = ForwardingHeaders.requestHead(request, owner: "o:1", key: Self.key, bodyLength: 3)
        let names = Set(head.headers.map { $0.name.lowercased() })
        #expect(
            names == [
                "host", "origin", "cookie", "content-type", "content-length", "x-forwarded-for", "x-sio-forward",
                // All nodes together are the server: what the client says of its connection leaves its headers alone.
                "x-mine",
            ])
        #expect(head.headers["content-length"] == ["3"] && head.headers["host"] == ["chat.example"])
        #expect(head.headers["x-forwarded-for"] == ["192.0.2.1, 10.0.0.9"])
        #expect(head.headers["x-sio-forward"].count == 1 && head.uri == Self.target && head.method == .POST)
        var admitted = HTTPServerRequest(method: .POST, target: Self.target, headers: head.headers)
        #expect(Self.verifier().admit(&admitted) == nil)
        #expect(admitted.clientAddress == "192.0.2.1")
    }

    /// A client that calls other headers its own about the connection must not take them from the session's node.
    @Test(arguments: ["Connection", "connection"])
    func nothingThatIsNeededIsNamedAway(name: String) {
        let kept = [
            "Host", "Cookie", "Origin", "Authorization", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP",
            "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "User-Agent",
            "X-Authenticated-User",
        ]
        var headers = HTTPHeaders(kept.map { ($0, "value of \($0)") })
        headers.add(
            name: name,
            value: "Upgrade, \(kept.joined(separator: ", ").uppercased()), Content-Length, X-SIO-Forward, Connection")
        headers.add(name: "Upgrade", value: "websocket")
        let request = HTTPServerRequest(
            method: .GET, target: Self.target, headers: headers,
            remoteAddress: try? SocketAddress(ipAddress: "10.0.0.9", port: 1), clientAddress: "192.0.2.1",
            isUpgrade: true)
        let head = ForwardingHeaders.requestHead(request, owner: "o:1", key: Self.key, bodyLength: nil)
        for kept in kept where kept != "X-Forwarded-For" {
            #expect(head.headers[kept] == ["value of \(kept)"], "\(kept)")
        }
        #expect(head.headers["x-forwarded-for"] == ["value of X-Forwarded-For, 10.0.0.9"])
        #expect(head.headers["connection"] == ["Upgrade"] && head.headers["upgrade"] == ["websocket"])
        var admitted = HTTPServerRequest(method: .GET, target: Self.target, headers: head.headers)
        #expect(Self.verifier().admit(&admitted) == nil && admitted.clientAddress == "192.0.2.1")
    }

    @Test func anUpgradeStaysOne() {
        let request = HTTPServerRequest(
            method: .GET, target: Self.target,
            headers: ["Connection": "keep-alive, Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "k"],
            isUpgrade: true)
        let head = ForwardingHeaders.requestHead(request, owner: "o:1", key: Self.key, bodyLength: nil)
        #expect(head.headers["connection"] == ["Upgrade"] && head.headers["upgrade"] == ["websocket"])
        #expect(head.headers["host"] == ["o:1"] && head.headers["sec-websocket-key"] == ["k"])
        #expect(!head.headers.contains(name: "content-length"))
    }

    // MARK: Addresses

    @Test(arguments: [
        ("127.0.0.1", true), ("10.255.0.1", true), ("172.16.0.1", true), ("172.31.9.9", true), ("192.168.1.1", true),
        ("169.254.1.1", true), ("::1", true), ("fd12::1", true), ("fe80::1", true), ("::ffff:10.0.0.1", true),
        ("172.32.0.1", false), ("172.15.0.1", false), ("8.8.8.8", false), ("192.169.0.1", false),
        ("2001:db8::1", false),
        ("::", false), ("0.0.0.0", false), ("localhost", false), ("", false), ("fec0::1", false), ("11.0.0.1", false),
    ])
    func privateAddresses(text: String, isPrivate: Bool) {
        #expect(NetworkAddress.isPrivate(text) == isPrivate)
    }

    @Test(arguments: ["a:1", "10.0.0.1:65535", "[::1]:80", "node-1.local:3000"])
    func addressesAreRead(text: String) {
        #expect(ForwardingAddress(text)?.text == text)
    }

    @Test(arguments: ["", ":1", "a", "a:", "a:0", "a:65536", "::1:80", "[::1]", "a b:1", "a/b:1", "a:x", "a:-1"])
    func otherTextsAreNoAddresses(text: String) {
        #expect(ForwardingAddress(text) == nil)
    }

    @Test func settingsThatCannotWorkAreNamed() {
        var forwarding = ForwardingConfiguration(directory: NoDirectory())
        forwarding.port = 70_000
        forwarding.advertise = "nowhere"
        forwarding.secret = ForwardingKey("short")
        forwarding.timeout = .zero
        forwarding.maxAnswerSize = 0
        var problems: [String] = []
        forwarding.check(&problems)
        #expect(problems.count == 5)
        #expect(problems.allSatisfy { $0.hasPrefix("forwarding.") && !$0.contains("short") })
    }

    // MARK: The share

    @Test func aWarningComesAboveTenPercentOfEnough() {
        var share = ForwardingShare()
        #expect(share.minute(requests: 1000, misrouted: 99) == nil)
        // A hundred more in the second minute: of 500, and of 2,000.
        #expect(share.minute(requests: 1500, misrouted: 199) == 20)
        #expect(share.minute(requests: 3500, misrouted: 299) == nil)
        #expect(share.minute(requests: 3500, misrouted: 299) == nil)
        #expect(share.minute(requests: 3650, misrouted: 399) == 66)
    }
}

/// Knows no node.
private final class NoDirectory: ForwardingDirectory {
    func owner(ofTag tag: String) -> ForwardingNode? { nil }

    func announce(_ node: ForwardingNode?) {}

    func whenConnected(_ callback: @escaping @Sendable (String?) -> Void) {}
}
