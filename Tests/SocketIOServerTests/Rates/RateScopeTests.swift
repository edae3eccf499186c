// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import SocketIOTesting
import Testing

@testable import SocketIOServer

/// Whose rate it is, and what changes while the server runs.
@Suite("Rates: scopes")
struct RateScopeTests {
    @Test("sessions of a user share its rate, also one that comes after another has gone")
    func user() async throws {
        let limits = RateLimits.limits(.drop, burst: 200) { $0.user.eventsPerSecond = 1 }
        try await withCountingServer(
            limits,
            { socket in
                socket.rateIdentity = socket.handshake.auth["user"]?.string
            }
        ) { io, address, numbers in
            func join(_ user: String?) async throws -> TestSocket {
                let client = try await SocketTestClient.connect(to: address)
                return try await client.join("/", auth: user.map { ["user": .string($0)] })
            }
            let (one, other) = (try await join("ada"), try await join("ada"))
            for number in 0..<150 { try await one.emit("n", .int(number)) }
            _ = try await numbers.waitFor(150)
            for number in 0..<150 { try await other.emit("n", .int(number)) }
            _ = try await numbers.waitFor(170)
            // Nobody else is concerned, nor one who is nobody.
            let (bob, nobody) = (try await join("bob"), try await join(nil))
            for number in 0..<150 { #expect(try await bob.emitWithAck("n", .int(number)) == [.int(number)]) }
            for number in 0..<300 { #expect(try await nobody.emitWithAck("n", .int(number)) == [.int(number)]) }
            // 200, as exact as a grant of each session, and some that came back.
            #expect((620...700).contains(numbers.count))
            #expect(io.context.rates.users.count == 2)
            try await one.disconnect()
            try await other.disconnect()
            let before = numbers.count
            let again = try await join("ada")
            for number in 0..<150 { try await again.emit("n", .int(number)) }
            _ = try? await again.emitWithAck("n", 0, within: .milliseconds(300))
            #expect(numbers.count - before < 60)
        }
    }

    @Test("names that differ in bytes are different users")
    func names() {
        #expect(RateKey(user: "caf\u{e9}") != RateKey(user: "cafe\u{301}"))
        #expect(RateKey(user: "a") == RateKey(user: "a"))
        #expect(RateKey(user: "") != RateKey(user: "a"))
    }

    @Test("addresses: IPv4 whole, also inside IPv6, and IPv6 by its first 64 bits")
    func addresses() throws {
        func key(_ text: String) -> RateKey? { RateKey(address: text) }
        #expect(key("192.0.2.1") == key("::ffff:192.0.2.1"))
        #expect(key("192.0.2.1") != key("192.0.2.2"))
        #expect(key("2001:db8::1") == key("2001:db8:0:0:ffff::2"))
        #expect(key("2001:db8::1") != key("2001:db8:0:1::1"))
        #expect(key("::1") != key("0.0.0.0"))
        #expect(key("localhost") == nil && key("") == nil)
    }

    @Test("sessions of an address share its rate, and an address is forgotten when it owes nothing")
    func address() async throws {
        let limits = RateLimits.limits(.drop, burst: 300) { $0.address.eventsPerSecond = 1 }
        try await withCountingServer(limits) { io, address, numbers in
            var sockets: [TestSocket] = []
            for _ in 0..<4 {
                let socket = try await connect(1, to: address)[0]
                sockets.append(socket)
                for number in 0..<100 { try await socket.emit("n", .int(number)) }
            }
            try await eventually("the rate") { numbers.count >= 250 }
            #expect(numbers.count <= 300 + 4 * 33 + 20)
            #expect(io.context.rates.addresses.count == 1)
            #expect(io.context.rates.users.count == 0)
        }
    }

    @Test("other rates hold at once, for those who are there as well")
    func reload() async throws {
        try await withCountingServer(RateLimits()) { io, address, numbers in
            let socket = try await connect(1, to: address)[0]
            for number in 0..<500 { try await socket.emit("n", .int(number)) }
            _ = try await numbers.waitFor(500)
            var wanted = io.configuration
            wanted.rates.action = .drop
            wanted.rates.burstSeconds = 100
            wanted.rates.session.eventsPerSecond = 1
            wanted.rates.address.eventsPerSecond = 1_000
            try io.reload(wanted)
            for shard in io.context.shards { _ = await shard.perform { _ in 0 } }
            for number in 0..<300 { try await socket.emit("n", .int(number)) }
            _ = try await numbers.waitFor(600)
            #expect((600...610).contains(numbers.count))
            wanted.rates = RateLimits()
            try io.reload(wanted)
            for shard in io.context.shards { _ = await shard.perform { _ in 0 } }
            let before = numbers.count
            for number in 0..<200 { #expect(try await socket.emitWithAck("n", .int(number)) == [.int(number)]) }
            #expect(numbers.count >= before + 200)
            // The address may still owe something, and is remembered for as long.
            #expect(io.context.rates.addresses.active().isEmpty)
        }
    }

    @Test("rates out of range are refused, all at once")
    func validation() {
        var configuration = ServerConfiguration()
        configuration.rates.burstSeconds = 0
        configuration.rates.session.eventsPerSecond = 0
        configuration.rates.user.bytesPerSecond = .max
        configuration.rates.address.joinsPerSecond = -1
        #expect {
            try configuration.validate()
        } throws: { error in
            let text = "\(error)"
            return ["burstSeconds", "session.eventsPerSecond", "user.bytesPerSecond", "address.joinsPerSecond"]
                .allSatisfy { text.contains("rates.\($0)") }
        }
        configuration.rates = RateLimits()
        configuration.rates.session.eventsPerSecond = 1
        configuration.rates.user.bytesPerSecond = 1 << 40
        #expect(throws: Never.self) { try configuration.validate() }
    }
}
