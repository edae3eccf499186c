// Part of socketio-server, MIT licence; see LICENSE.

import LoopConfinement
import NIOCore
import NIOPosix
import ProcessTesting
import Testing

@testable import HiredisNIO

/// Against a real redis-server.
@Suite("Redis client and subscriber", .serialized, .timeLimit(.minutes(2)))
struct RedisClientTests {
    @Test("Commands, error replies, pipelines, big values")
    func commands() async throws {
        let server = try await RedisServer.started()
        let client = try await server.admin {
            $0.database = 2
            $0.clientName = "test-client"
        }
        #expect(try await client.run("SET", "k", "v") == .simple("OK"))
        #expect(try await client.run("GET", "k").stringValue == "v")
        #expect(try await client.run("GET", "none") == .null)
        let info = try await client.run("CLIENT INFO").stringValue ?? ""
        #expect(info.contains("name=test-client") && info.contains("db=2"))
        let error = await #expect(throws: RedisError.self) { try await client.run("INCR", "k") }
        #expect(error?.code == .server && error?.message.hasPrefix("INCR: ERR") == true)

        let replies = await client.execute(
            pipeline: (0..<2000).map { RESPCommand("ECHO", $0) } + [RESPCommand("NONSENSE"), RESPCommand("PING")])
        #expect(replies.count == 2002)
        for (index, reply) in replies.prefix(2000).enumerated() {
            #expect(try reply.get().integerValue == Int64(index))
        }
        #expect(throws: RedisError.self) { try replies[2000].get() }
        #expect(try replies[2001].get() == .simple("PONG"))

        let big = ByteBuffer(repeating: 0x62, count: 5 << 20)
        #expect(try await client.execute(RESPCommand("SET", "big", big)) == .simple("OK"))
        #expect(try await client.execute(RESPCommand("GET", "big"), timeout: .seconds(30)) == .bulk(big))
        await client.close()
        #expect(client.state == .closed)
        let closed = await #expect(throws: RedisError.self) { try await client.run("PING") }
        #expect(closed?.code == .closed)
    }

    @Test("Publishes reach subscribers in order; patterns; unsubscribing")
    func pubSub() async throws {
        let server = try await RedisServer.started()
        let subscription = try await Subscription(
            server.configuration, channels: ["a", "b"], patterns: ["p*"])
        #expect(subscription.subscriber.state == .up)
        let publisher = try await Publisher(server.configuration)
        #expect(try await publisher.publish(1...5000, to: "a") == 5000)
        try await eventually("all are acknowledged") { publisher.delivered.count == 5000 }
        try await eventually("all are received") { subscription.messages.count == 5000 }
        #expect(publisher.delivered.values == Array(1...5000))
        #expect(subscription.messages.values == (1...5000).map { "a \($0)" })

        #expect(try await publisher.client.publish(ByteBuffer(string: "x"), to: "p1") == 1)
        try await eventually("the pattern") { subscription.messages.values.last == "p* p1 x" }
        try await subscription.subscriber.subscribe(["a"])  // is subscribed already
        try await subscription.subscriber.unsubscribe(["a", "never"])
        #expect(try await publisher.client.publish(ByteBuffer(string: "x"), to: "a") == 0)
        #expect(try await publisher.client.publish(ByteBuffer(string: "y"), to: "b") == 1)
        try await eventually("the other channel") { subscription.messages.values.last == "b y" }
        try await subscription.subscriber.subscribe(["s"], kind: .sharded)
        #expect(try await publisher.client.run("SPUBLISH", "s", "z").integerValue == 1)
        try await eventually("sharded") { subscription.messages.values.last == "s z" }
    }

    @Test("Without a server: fails at once, or waits as the caller wishes; joins when it comes")
    func absentAtStart() async throws {
        let port = try RedisServer.freePort()
        var configuration = RedisConfiguration(endpoint: .tcp(RedisHost(host: "127.0.0.1", port: port)))
        configuration.maximumReconnectDelay = .milliseconds(200)
        let client = RedisClient(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: silentLogger)
        client.start()
        let refused = await #expect(throws: RedisError.self) {
            try await client.waitUntilUp(within: .milliseconds(100))
        }
        #expect(refused?.code == .timeout && refused?.message.contains("127.0.0.1:\(port)") == true)
        let error = await #expect(throws: RedisError.self) { try await client.run("PING") }
        #expect(error?.code == .notConnected)
        let impatient = await #expect(throws: RedisError.self) {
            try await client.execute(RESPCommand("PING"), whenDown: .wait(.milliseconds(50)))
        }
        #expect(impatient?.code == .notConnected)
        async let patient = client.execute(RESPCommand("PING"), whenDown: .wait(.seconds(30)))
        let server = try await RedisServer.started(port: port)
        let reply = try await patient
        #expect(reply == .simple("PONG"))
        #expect(client.state == .up)
        withExtendedLifetime(server) {}
    }

    @Test("A message over the limit is dropped and counted; the link stays")
    func oversized() async throws {
        let server = try await RedisServer.started()
        var configuration = server.configuration
        configuration.limits.maximumBulkLength = 100_000
        let subscription = try await Subscription(configuration, channels: ["a"])
        let admin = try await server.admin { $0.limits.maximumBulkLength = 100_000 }
        for size in [100_000, 100_001, 3_000_000] {
            #expect(try await admin.publish(ByteBuffer(repeating: 0x61, count: size), to: "a") == 1)
        }
        #expect(try await admin.publish(ByteBuffer(string: "end"), to: "a") == 1)
        try await eventually("the last") { subscription.messages.values.last == "a end" }
        #expect(subscription.messages.count == 2 && subscription.oversized.count == 2)
        #expect(subscription.outages.count == 0)
        _ = try await admin.execute(RESPCommand("SET", "k", ByteBuffer(repeating: 0x61, count: 100_001)))
        let error = await #expect(throws: RedisError.self) { try await admin.run("GET", "k") }
        #expect(error?.code == .replyTooLarge)
        #expect(try await admin.run("PING") == .simple("PONG"))
    }

    @Test("A command that takes too long fails; its late reply disturbs nobody")
    func commandTimeout() async throws {
        let server = try await RedisServer.started()
        let client = try await server.admin()
        let error = await #expect(throws: RedisError.self) {
            try await client.execute(RESPCommand("BLPOP", "none", 1), timeout: .milliseconds(50))
        }
        #expect(error?.code == .timeout)
        #expect(try await client.execute(RESPCommand("ECHO", "x"), timeout: .seconds(20)).stringValue == "x")
    }

    @Test("Refuses more than the limits of what may wait, and says when there is room")
    func backlog() async throws {
        let server = try await RedisServer.started()
        var configuration = server.configuration
        configuration.maximumUnansweredCommands = 100
        let room = Recorder<Int>()
        var handlers = RedisClientHandlers()
        handlers.onRoom = { room.append(1) }
        let client = try await RedisClient.connected(configuration, handlers: handlers)
        let admissions = await client.core.get { core in
            (0..<150).map { _ in core.publish(RedisPublish(ByteBuffer(string: "x"), to: "c")) }
        }
        #expect(admissions.count { $0 == .accepted } == 100)
        #expect(admissions.suffix(50).allSatisfy { $0 == .full })
        try await eventually("room again") { room.count == 1 }
        #expect(try await client.run("PING") == .simple("PONG"))
    }

    @Test("Byte by byte through a slow proxy")
    func dribble() async throws {
        let server = try await RedisServer.started()
        let proxy = try await TestProxy(to: server.port)
        proxy.set { $0.piece = 1 }
        let subscription = try await Subscription(proxy.configuration, channels: ["a"])
        let publisher = try await Publisher(proxy.configuration)
        try await publisher.publish(1...300, to: "a")
        try await eventually("all are received") {
            subscription.messages.count == 300 && publisher.delivered.count == 300
        }
        #expect(subscription.messages.values == (1...300).map { "a \($0)" })
        #expect(publisher.delivered.values == Array(1...300))
        try await proxy.close()
    }

    /// Sessions that are to be stored wait here while Redis is away, and clients decide how large they are.
    @Test("Commands that wait for a connection are bounded in number and in bytes")
    func waitingCommands() {
        func entry(_ bytes: Int) -> WaitingCommands.Entry {
            WaitingCommands.Entry(
                command: RESPCommand("SET", "k", ByteBuffer(repeating: 0x61, count: bytes)), timeout: nil,
                completion: { _ in })
        }
        var waiting = WaitingCommands(maximumCount: 1_024, maximumBytes: 10_000)
        let first = waiting.append(entry(4_000))
        #expect(first != nil && waiting.append(entry(4_000)) != nil)
        #expect(waiting.append(entry(4_000)) == nil)
        #expect(waiting.append(entry(1_000)) != nil)
        _ = first.flatMap { waiting.remove($0) }
        #expect(waiting.append(entry(4_000)) != nil)
        waiting.removeAll { _ in }
        for _ in 0..<2 { #expect(waiting.append(entry(4_000)) != nil) }
        var many = WaitingCommands(maximumCount: 1_024, maximumBytes: 1 << 20)
        for _ in 0..<1024 { #expect(many.append(entry(1)) != nil) }
        #expect(many.append(entry(1)) == nil)
    }
}
