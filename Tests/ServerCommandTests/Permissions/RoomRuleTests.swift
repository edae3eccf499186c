// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer
internal import Testing

@testable internal import socketio_server

/// The language of `rooms.allow`.
@Suite struct RoomRuleTests {
    private static let ada: SocketValue = [
        "sub": "ada", "id": 7, "teams": ["red", "blue"], "role": "admin", "verified": true, "guest": false, "empty": "",
        "realm_access": ["roles": ["staff"]], "https://example.org/plan": "gold", "a.b": "literal", "nothing": nil,
    ]

    @Test(arguments: [
        ("news", "news", true), ("news", "news2", false), ("news", "new", false), ("news", "News", false),
        ("news:*", "news:", true), ("news:*", "news:a:b", true), ("news:*", "news", false),
        ("a:*:z", "a:b:z", true), ("a:*:z", "a::z", true), ("a:*:z", "a:z", false), ("a:*b*c", "a:xbybzc", true),
        ("user:{sub}", "user:ada", true), ("user:{sub}", "user:adam", false), ("user:{sub}", "user:", false),
        ("user:{id}", "user:7", true), ("user:{missing}", "user:", false), ("user:{empty}", "user:", false),
        ("user:{nothing}", "user:null", false),
        ("team:{teams}", "team:red", true), ("team:{teams}", "team:blue", true), ("team:{teams}", "team:green", false),
        ("team:{teams}:*", "team:red:secret", true), ("team:{teams}:{sub}", "team:blue:ada", true),
        ("vip role=admin", "vip", true), ("vip role=owner", "vip", false), ("vip role=owner|admin", "vip", true),
        ("vip role", "vip", true), ("vip guest", "vip", false), ("vip missing", "vip", false),
        ("vip nothing", "vip", false),
        ("vip verified=true role=admin", "vip", true), ("vip verified=true role=owner", "vip", false),
        ("vip teams=blue", "vip", true), ("vip teams=green", "vip", false), ("vip id=7", "vip", true),
        ("vip realm_access.roles=staff", "vip", true), ("vip realm_access.roles=boss", "vip", false),
        ("vip https://example.org/plan=gold", "vip", true), ("vip a.b=literal", "vip", true),
        ("plan/{https://example.org/plan}", "plan/gold", true), ("grüße", "grüße", true),
    ])
    func rules(rule: String, room: String, isAllowed: Bool) throws {
        #expect(try RoomRule(rule).allows(room, claims: Self.ada) == isAllowed)
    }

    @Test func aClientWithoutClaimsHasNone() throws {
        #expect(try RoomRule("news").allows("news", claims: [:]))
        #expect(try !RoomRule("user:{sub}").allows("user:", claims: [:]))
        #expect(try !RoomRule("vip role").allows("vip", claims: .null))
    }

    /// The id of a socket is a room, in which it gets what nobody else should.
    @Test(arguments: [
        "*", "{sub}", "{sub}:*", "a*", "n001_*", "team{teams}", "", " ", "a:{", "a:{}", "a:{x", "vip =x", "vip role=",
        "vip role=|",
        "a:*b*c*d*e*f*g*h*i*j*k",
    ])
    func whatIsRefused(rule: String) {
        #expect(throws: RoomRule.Malformed.self) { try RoomRule(rule) }
    }

    @Test func namesAreBytes() throws {
        // The same text for people, with other bytes.
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        #expect(composed == decomposed)
        #expect(try RoomRule(composed).allows(composed, claims: [:]))
        #expect(try !RoomRule(composed).allows(decomposed, claims: [:]))
        #expect(try !RoomRule("user:{sub}").allows("user:" + decomposed, claims: ["sub": .string(composed)]))
        #expect(try !RoomRule("vip sub=\(composed)").allows("vip", claims: ["sub": .string(decomposed)]))
    }

    /// What a client and its token may be at their worst.
    @Test func matchingIsQuickForTheWorstNames() throws {
        let rule = try RoomRule("a:*a*a*a*{teams}*a*b")
        let teams = SocketValue.array((0..<100_000).map { .string(String(repeating: "a", count: $0 % 64)) })
        let name = "a:" + String(repeating: "a", count: 254)
        let clock = ContinuousClock()
        let time = clock.measure { #expect(!rule.allows(name, claims: ["teams": teams])) }
        #expect(time < .seconds(2))
    }
}
