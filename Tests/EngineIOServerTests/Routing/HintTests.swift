// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import Testing

@testable internal import EngineIOServer

/// What tells a load balancer where a session lives (protocol 1.13, 6.5).
@Suite struct HintTests {
    typealias Server = SessionTestServer

    /// How a session is opened, with the sid it got.
    enum Way: CaseIterable {
        case polling
        case websocket

        func open(_ server: Server, headers: String = "") async throws -> (SessionWire.Response, String) {
            let wire = try await server.connect()
            switch self {
            case .polling:
                let response = try await wire.get(Server.polling, headers: headers)
                return (response, try Server.sid(in: response.body))
            case .websocket:
                let response = try await wire.upgrade(Server.websocket, headers: headers)
                return (response, try Server.sid(in: try await wire.text()))
            }
        }
    }

    @Test(arguments: Way.allCases)
    func nothingByDefaultButTheTagInTheSid(way: Way) async throws {
        try await Server.run({ $0.nodeTag = "n-_1" }) { server in
            let (response, sid) = try await way.open(server)
            #expect(sid.hasPrefix("n-_1"))
            #expect(response.header("set-cookie") == nil)
            #expect(!response.headers.contains { $0.1.contains("n-_1") })
        }
    }

    @Test(arguments: Way.allCases, CookieConfiguration.Value.allCases)
    func theCookieComesWithTheHandshake(way: Way, value: CookieConfiguration.Value) async throws {
        try await Server.run {
            $0.nodeTag = "n001"
            $0.cookie = CookieConfiguration(value: value)
        } _: { server in
            let (response, sid) = try await way.open(server)
            let expected = value == .sid ? sid : "n001"
            #expect(response.header("set-cookie") == "io=\(expected); Path=/; HttpOnly; SameSite=Lax")
        }
    }

    @Test func laterAnswersCarryNoHints() async throws {
        try await Server.run {
            $0.cookie = CookieConfiguration(value: .tag)
            $0.nodeTagHeader = "X-SIO-Node"
        } _: { server in
            let wire = try await server.connect()
            let sid = try await server.openPolling(wire)
            let post = try await wire.post(Server.target("polling", sid), "4a")
            let poll = try await wire.get(Server.target("polling", sid))
            let upgrade = try await server.connect().upgrade(Server.target("websocket", sid))
            #expect(upgrade.status == 101)
            for response in [post, poll, upgrade] {
                #expect(response.header("set-cookie") == nil)
                #expect(response.header("x-sio-node") == nil)
            }
        }
    }

    @Test(arguments: Way.allCases)
    func theHeaderTellsTheTag(way: Way) async throws {
        try await Server.run {
            $0.nodeTag = "n001"
            $0.nodeTagHeader = "X-SIO-Node"
        } _: { server in
            let (response, sid) = try await way.open(server)
            #expect(response.header("x-sio-node") == "n001")
            #expect(sid.hasPrefix("n001"))
        }
    }

    @Test func theTagIsThereWhenTheApplicationMakesTheIDs() async throws {
        try await Server.run {
            $0.nodeTag = "n001"
            $0.cookie = CookieConfiguration(value: .tag)
            $0.generateId = { _ in "custom" }
        } _: { server in
            let (response, sid) = try await Way.polling.open(server)
            #expect(sid == "custom")
            #expect(response.header("set-cookie")?.hasPrefix("io=n001; ") == true)
        }
    }

    /// (trusted proxies, `X-Forwarded-Proto`, whether the cookie is for TLS only)
    @Test(arguments: [
        (["127.0.0.1"], "https", true), (["127.0.0.1"], "HTTPS", true), (["127.0.0.1"], "wss", true),
        (["127.0.0.1"], "https, http", true), (["127.0.0.1"], "http, https", false), (["127.0.0.1"], "http", false),
        (["127.0.0.1"], "", false), ([], "https", false), (["10.0.0.0/8"], "https", false),
    ])
    func aTrustedProxyKnowsWhetherTheClientSpeaksTLS(
        proxies: [String], forwarded: String, isSecure: Bool
    ) async throws {
        try await Server.run {
            $0.cookie = CookieConfiguration(value: .tag)
            $0.trustedProxies = proxies
        } _: { server in
            for way in Way.allCases {
                let (response, _) = try await way.open(server, headers: "X-Forwarded-Proto: \(forwarded)\r\n")
                #expect(response.header("set-cookie")?.contains("; Secure") == isSecure)
            }
        }
    }

    @Test func secureCanBeForcedEitherWay() async throws {
        for secure in [true, false] {
            try await Server.run {
                $0.cookie = CookieConfiguration(
                    secure: secure, sameSite: secure ? CookieConfiguration.SameSite.none : .strict)
                $0.trustedProxies = ["127.0.0.1"]
            } _: { server in
                let (response, _) = try await Way.polling.open(server, headers: "X-Forwarded-Proto: https\r\n")
                let end = secure ? "; HttpOnly; Secure; SameSite=None" : "; HttpOnly; SameSite=Strict"
                #expect(response.header("set-cookie")?.hasSuffix(end) == true)
            }
        }
    }

    @Test(arguments: ["", "a b", "a:b", "x\r\ny"])
    func theHeaderNeedsAName(name: String) {
        var configuration = EngineConfiguration()
        configuration.nodeTagHeader = name
        #expect(throws: EngineConfigurationError.self) { try configuration.validate() }
    }
}
