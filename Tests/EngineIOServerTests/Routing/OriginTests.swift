// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPTesting
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import Testing

@testable internal import EngineIOServer
@testable internal import RequestForwarding

/// Which pages may use the engine.
@Suite struct OriginTests {
    typealias Server = SessionTestServer

    private static let refusal = #"{"code":4,"message":"Forbidden: cors.origin does not allow this origin"}"#

    // MARK: Authorities

    @Test(
        arguments: [
            ("example.org", "example.org", nil), ("EXAMPLE.org:3000", "example.org", 3000), ("a:80", "a", nil),
            ("a:443", "a", nil), ("a:", "a", nil), ("a:00443", "a", nil), ("10.0.0.1:8080", "10.0.0.1", 8080),
            ("[::1]", "[::1]", nil), ("[::1]:3000", "[::1]", 3000), ("[FE80::1%eth0]:1", "[fe80::1%eth0]", 1),
            ("a_b-c.d", "a_b-c.d", nil), ("a:65535", "a", 65_535), ("a:0", "a", 0),
        ] as [(String, String, UInt16?)])
    func hostAndPort(text: String, host: String, port: UInt16?) throws {
        let authority = try #require(Authority(text))
        #expect(authority.host == host && authority.port == port)
    }

    @Test(arguments: [
        "", ":", ":80", "[", "[]", "[::1", "[::1]x", "[::1]3000", "::1", "a:b", "a:65536", "a:-1", "a:+1", "a:000080",
        "a b", "a,b", "a/b", "u@a", "a?", "a#", "http://a", "é", "a\u{301}", "a\u{212A}:80", "\u{0}",
        String(repeating: "9", count: 100) + ":" + String(repeating: "9", count: 100),
    ])
    func whatIsNoHost(text: String) {
        #expect(Authority(text) == nil)
    }

    @Test(
        arguments: [
            ("https://a.example", "a.example"), ("http://a.example:8080", "a.example:8080"),
            ("http://[::1]:1", "[::1]:1"),
            ("null", nil), ("file://", nil), ("capacitor://localhost", nil), ("HTTP://a", nil), ("http://", nil),
            ("http://a/", nil), ("https:a", nil), ("", nil), ("http://a, http://b", nil), ("http://u@a", nil),
        ] as [(String, String?)])
    func origins(text: String, host: String?) {
        #expect(Authority(origin: text) == host.flatMap { Authority($0) })
    }

    @Test func loopbackNames() {
        for text in ["localhost", "LOCALHOST:9", "127.0.0.1", "127.9.9.9:1", "[::1]:9"] {
            #expect(Authority(text)?.isLoopback == true, "\(text)")
        }
        for text in ["localhost.example", "127.0.0.1.example", "10.0.0.1", "[::2]", "0.0.0.0", "127.1", "128.0.0.1"] {
            #expect(Authority(text)?.isLoopback == false, "\(text)")
        }
    }

    // MARK: The server's own pages

    private static let upgrade =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    private func status(
        host: String?, origin: String?, more: String = "", method: String = "GET",
        _ change: (inout CORSConfiguration) -> Void = { _ in }
    ) throws -> [Int] {
        var cors = CORSConfiguration(origin: .sameHost)
        change(&cors)
        let lines = [host.map { "Host: \($0)\r\n" }, origin.map { "Origin: \($0)\r\n" }].compactMap(\.self).joined()
        let version = host == nil ? "1.0" : "1.1"
        return try ["", Self.upgrade].map { upgrade in
            let engine = ScriptedEngine { exchange in
                guard exchange.request.isUpgrade else { return exchange.respond(.echo(exchange)) }
                exchange.refuseUpgrade(message: "reached", status: .ok)
            }
            let connection = try EmbeddedConnection(engine: engine) { $0.cors = cors }
            try connection.send("\(method) /socket.io/?x HTTP/\(version)\r\n\(lines)\(more)\(upgrade)\r\n")
            let output = try connection.output()
            #expect(!output.lowercased().contains("access-control"), "\(output)")
            return Int(output.dropFirst(9).prefix(3)) ?? 0
        }
    }

    @Test(
        arguments: [
            ("chat.example", nil), ("chat.example", "https://chat.example"), ("chat.example", "http://chat.example"),
            ("chat.example:443", "https://chat.example"), ("chat.example", "http://chat.example:80"),
            ("Chat.Example:3000", "http://chat.example:3000"), ("[::1]:3000", "http://[::1]:3000"),
        ] as [(String, String?)])
    func pagesOfTheSameHostMayConnect(host: String, origin: String?) throws {
        #expect(try status(host: host, origin: origin) == [200, 200])
    }

    @Test(arguments: [
        "https://evil.example", "https://chat.example.evil.example", "https://evilchat.example",
        "https://chat.example:3001", "https://sub.chat.example", "null", "file://", "capacitor://chat.example",
        "chat.example", "https://chat.example/", "https://chat.example@evil.example",
        "https://evil.example/chat.example",
        "https://chat.example, https://evil.example", "https://\u{212A}hat.example",
    ])
    func othersAreRefused(origin: String) throws {
        #expect(try status(host: "chat.example", origin: origin) == [403, 403])
        #expect(try status(host: "chat.example", origin: origin, method: "OPTIONS").first == 403)
        // What is not enforced is as without any rule.
        #expect(try status(host: "chat.example", origin: origin) { $0.enforce = false } == [200, 200])
    }

    @Test func aRequestWithoutHostHasNoPages() throws {
        #expect(try status(host: nil, origin: "https://chat.example").first == 403)
        #expect(try status(host: nil, origin: nil).first == 200)
    }

    /// Only what a trusted proxy says of the host counts.
    @Test(arguments: [true, false])
    func aProxyTellsTheHost(isTrusted: Bool) async throws {
        try await Server.run {
            $0.cors = CORSConfiguration(origin: .sameHost)
            if isTrusted { $0.trustedProxies = ["127.0.0.1"] }
        } _: { server in
            for (forwarded, origin, isAllowed) in [
                ("chat.example", "https://chat.example", isTrusted), ("chat.example", "https://evil.example", false),
                ("chat.example, inner:3000", "https://chat.example", isTrusted),
                ("chat.example", "http://x", !isTrusted),
                ("evil.example, chat.example", "https://chat.example", false), ("", "http://x", !isTrusted),
            ] {
                let headers = "X-Forwarded-Host: \(forwarded)\r\nOrigin: \(origin)\r\n"
                let polling = try await server.connect().get(Server.polling, headers: headers)
                #expect(polling.status == (isAllowed ? 200 : 403), "\(forwarded) \(origin)")
                let webSocket = try await server.connect().upgrade(Server.websocket, headers: headers)
                #expect(webSocket.status == (isAllowed ? 101 : 403), "\(forwarded) \(origin)")
            }
        }
    }

    // MARK: Lists

    private static let apps = [
        "https://app.example", "null", "file://", "capacitor://localhost", "ionic://localhost", "tauri://localhost",
        "chrome-extension://abcdefghijklmnop",
    ]

    @Test func whatIsListedMayConnectAndNothingElse() async throws {
        try await Server.run {
            $0.cors = CORSConfiguration(origin: .list(Self.apps), credentials: true)
        } _: { server in
            for origin in Self.apps + ["http://x", "https://evil.example", "http://app.example", "HTTPS://app.example"]
            {
                let isAllowed = Self.apps.contains(origin)
                let headers = "Origin: \(origin)\r\n"
                let polling = try await server.connect().get(Server.polling, headers: headers)
                #expect(polling.status == (isAllowed ? 200 : 403), "\(origin)")
                #expect(polling.header("access-control-allow-origin") == (isAllowed ? origin : nil))
                if !isAllowed { #expect(polling.body == Self.refusal) }
                let webSocket = try await server.connect().upgrade(Server.websocket, headers: headers)
                #expect(webSocket.status == (isAllowed ? 101 : 403), "\(origin)")
                if !isAllowed { #expect(webSocket.body == "Forbidden: cors.origin does not allow this origin") }
            }
            // Programs are no pages.
            #expect(try await server.connect().get(Server.polling).status == 200)
            #expect(try await server.connect().upgrade(Server.websocket).status == 101)
        }
    }

    /// Equal for people, and for Swift, is not equal: an origin is its bytes.
    @Test func originsAreBytes() async throws {
        try await Server.run {
            $0.cors = CORSConfiguration(origin: .list(["https://caf\u{E9}.example", "https://k.example"]))
        } _: { server in
            for origin in ["https://cafe\u{301}.example", "https://\u{212A}.example"] {
                let answer = try await server.connect().get(Server.polling, headers: "Origin: \(origin)\r\n")
                #expect(answer.status == 403, "\(origin)")
            }
        }
    }

    @Test func withoutRulesEveryPageMayConnect() async throws {
        try await Server.run { server in
            let headers = "Origin: https://evil.example\r\n"
            let polling = try await server.connect().get(Server.polling, headers: headers)
            let webSocket = try await server.connect().upgrade(Server.websocket, headers: headers)
            #expect(polling.status == 200 && webSocket.status == 101)
        }
    }

    @Test(arguments: [nil, CORSConfiguration(), CORSConfiguration(origin: .sameHost)] as [CORSConfiguration?])
    func twoOriginsAreNone(cors: CORSConfiguration?) async throws {
        try await Server.run {
            $0.cors = cors
        } _: { server in
            let headers = "Origin: http://x\r\norigin: http://x\r\n"
            let polling = try await server.connect().get(Server.polling, headers: headers)
            let webSocket = try await server.connect().upgrade(Server.websocket, headers: headers)
            #expect(polling.status == 400 && webSocket.status == 400)
            #expect(server.engine.clientsCount == 0)
        }
    }

    @Test func theRefusalIsLoggedOnceASecond() async throws {
        let lines = NIOLockedValueBox<[String]>([])
        try await Server.run {
            $0.cors = CORSConfiguration(origin: .sameHost)
            $0.logger = Logger(label: "test") { _ in LineKeeper(lines: lines) }
        } _: { server in
            let wire = try await server.connect()
            let origin = "https://evil.example/" + String(repeating: "x", count: 4_000)
            let start = ContinuousClock.now
            for _ in 0..<200 {
                #expect(try await wire.get(Server.polling, headers: "Origin: \(origin)\r\n").status == 403)
            }
            let seconds = Int((ContinuousClock.now - start) / .seconds(1))
            let found = lines.withLockedValue { $0.filter { $0.contains("cors.origin does not allow") } }
            #expect(!found.isEmpty && found.count <= 1 + seconds, "\(found.count) lines in \(seconds) s")
            #expect(found[0].contains("origin=https://evil.example/xxx") && found[0].contains("host=x"))
            #expect(found[0].utf8.count < 400)
        }
    }

    // MARK: Between nodes

    /// The node that a page has come to looks; the session's node, which sees another connection, does not contradict.
    @Test(.timeLimit(.minutes(2)), arguments: [false, true])
    func theFirstNodeDecides(isBehindProxy: Bool) async throws {
        try await Fleet.run(
            2,
            { _, configuration in
                configuration.cors = CORSConfiguration(origin: .sameHost)
                if isBehindProxy { configuration.trustedProxies = ["127.0.0.1"] }
            }
        ) { fleet in
            let good =
                isBehindProxy ? "X-Forwarded-Host: a.example\r\nOrigin: https://a.example\r\n" : "Origin: http://x\r\n"
            let bad = good.replacing("Origin: ", with: "Origin: http://evil.example.")
            let near = try await fleet.nodes[0].connect()
            let sid = try Server.sid(in: try await near.get(Server.polling, headers: good).body)
            let far = try await fleet.nodes[1].connect()
            let target = Server.target("polling", sid)
            #expect(try await far.post(target, "4a", headers: good).status == 200)
            #expect(try await far.post(target, "4evil", headers: bad).status == 403)
            #expect(try await far.get(target, headers: good).body == "4a")
            let evil = try await fleet.nodes[1].connect().upgrade(Server.target("websocket", sid), headers: bad)
            #expect(evil.status == 403)
            #expect(fleet.metrics(1)?.misrouted == 2 && fleet.metrics(1)?.tunnels == 0)
            let page = try await fleet.nodes[1].connect()
            #expect(try await page.upgrade(Server.target("websocket", sid), headers: good).status == 101)
            try await page.sendText("2probe")
            #expect(try await page.text() == "3probe")
        }
    }
}

/// Keeps lines as text: message and metadata.
struct LineKeeper: LogHandler {
    let lines: NIOLockedValueBox<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(lines: NIOLockedValueBox<[String]>) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }
        lines.withLockedValue { $0.append("\(event.message)" + metadata.joined()) }
    }
}
