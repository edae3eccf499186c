// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import Testing

@testable import HiredisNIO

@Suite("Slots of a Redis Cluster")
struct RedisSlotTests {
    /// As the specification and `CLUSTER KEYSLOT` of Redis 7.0 say.
    @Test(arguments: [
        ("123456789", 12_739), ("foo", 12_182), ("bar", 5_061), ("", 0), ("socket.io#/#", 13_868),
    ])
    func slots(name: String, slot: Int) {
        if name == "123456789" { #expect(name.utf8CRC == 0x31C3) }
        #expect(RedisSlot.of(name) == slot)
    }

    @Test(arguments: [
        ("{user1000}.following", "user1000"), ("foo{bar}{zap}", "bar"), ("foo{{bar}}zap", "{bar"),
        ("a{}b", "a{}b"), ("foo{}{bar}", "foo{}{bar}"), ("{a", "{a"), ("a}b{", "a}b{"), ("}{a}", "a"),
    ])
    func tags(name: String, counted: String) {
        let bytes = Array(counted.utf8)
        #expect(RedisSlot.of(name) == bytes.withUnsafeBytes { Int(RedisSlot.crc16($0)) % 16_384 })
    }

    private func range(_ first: Int64, _ last: Int64, _ host: RESPValue, _ port: Int64) -> RESPValue {
        .array([.integer(first), .integer(last), .array([host, .integer(port), .bulk(ByteBuffer(string: "id"))])])
    }

    private func text(_ text: String) -> RESPValue { .bulk(ByteBuffer(string: text)) }

    @Test("The map knows who has which slot")
    func map() throws {
        let asked = RedisHost(host: "asked", port: 1)
        var map = try RedisSlotMap(
            .array([
                range(0, 99, text("a"), 1), range(100, 16_383, text("b"), 2), range(50, 50, .null, 3),
                range(51, 51, text("?"), 4),
            ]), asked: asked)
        #expect(map.isComplete)
        #expect(map.primaries.map(\.description) == ["a:1", "b:2", "asked:3", "asked:4"])
        #expect([0, 50, 51, 99, 100, 16_383].map { map.owner(of: $0)?.port } == [1, 3, 4, 1, 2, 2])
        #expect(map.owner(of: -1) == nil && map.owner(of: 16_384) == nil)
        map.move(7, to: RedisHost(host: "c", port: 5))
        #expect(map.owner(of: 7)?.port == 5 && map.primaries.count == 5)
        #expect(try !RedisSlotMap(.array([range(0, 16_382, text("a"), 1)]), asked: asked).isComplete)
        #expect(try !RedisSlotMap(.array([]), asked: asked).isComplete)
    }

    @Test("An answer of another form is no map")
    func garbage() {
        let replies: [RESPValue] = [
            .null, .integer(1), .array([.null]), .array([.array([.integer(0), .integer(1)])]),
            .array([range(5, 4, text("a"), 1)]), .array([range(-1, 4, text("a"), 1)]),
            .array([range(0, 16_384, text("a"), 1)]), .array([range(0, .max, text("a"), 1)]),
            .array([range(0, 1, text("a"), 0)]), .array([range(0, 1, text("a"), 65_536)]),
            .array([.array([.integer(0), .integer(1), .array([text("a")])])]),
            .array([.array([.integer(0), .integer(1), text("a")])]),
            .array((0..<2000).map { range($0, $0, text("h\($0)"), 1) }),
        ]
        for reply in replies {
            #expect(throws: RedisError.self) {
                try RedisSlotMap(reply, asked: RedisHost(host: "asked", port: 1))
            }
        }
    }

    @Test("Redirections are read")
    func redirections() throws {
        let error = RedisError(reply: "MOVED 3999 127.0.0.1:6381", to: "SPUBLISH")
        let moved = try #require(error.redirection)
        #expect(error.code == .redirected && moved.slot == 3999 && !moved.isAsk)
        let asked = RedisHost(host: "::1", port: 9)
        #expect(moved.target(asked: asked) == RedisHost(host: "127.0.0.1", port: 6381))
        #expect(RedisRedirection("MOVED 1 :6381")?.target(asked: asked) == RedisHost(host: "::1", port: 6381))
        #expect(RedisRedirection("MOVED 1 ?:6381")?.target(asked: asked) == RedisHost(host: "::1", port: 6381))
        #expect(RedisRedirection("ASK 1 fe80::1:6381")?.target(asked: asked) == RedisHost(host: "fe80::1", port: 6381))
        #expect(RedisRedirection("ASK 1 a:1")?.isAsk == true)
        for text in [
            "MOVED", "MOVED 1", "MOVED x a:1", "MOVED 16384 a:1", "MOVED -1 a:1", "MOVED 1 a", "MOVED 1 a:0",
            "ERR 1 a:1",
        ] {
            #expect(RedisRedirection(text) == nil)
        }
    }

    @Test("URLs name several servers")
    func urls() throws {
        let plain = try RedisConfiguration(url: "redis+cluster://:pw@a,b:7000,[::1]:7001?connectTimeoutMs=5")
        guard case .cluster(let hosts) = plain.endpoint else { throw TestFailure("no cluster") }
        #expect(hosts.map(\.description) == ["a:6379", "b:7000", "[::1]:7001"])
        #expect(plain.description == "redis+cluster://a:6379,b:7000,[::1]:7001")
        #expect(plain.tls == nil && plain.password?.value == "pw")
        #expect(try RedisConfiguration(url: "rediss+cluster://a/0").tls != nil)
        for url in ["redis+cluster://", "redis+cluster://a,,b", "redis+cluster://a/1", "redis+cluster://a?master=x"] {
            #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        }
    }
}

extension String {
    fileprivate var utf8CRC: UInt16 { Array(utf8).withUnsafeBytes { RedisSlot.crc16($0) } }
}
