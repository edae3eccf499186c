// Part of socketio-server, MIT licence; see LICENSE.

import Foundation
import NIOCore
import NIOPosix
import ProcessTesting
import RedisTesting
import Testing

@testable import HiredisNIO

/// Faults of a real redis-server, and of the network to it.
@Suite("Redis faults", .serialized, .timeLimit(.minutes(3)))
struct RedisFaultTests {
    @Test("Subscriber killed: complete again before it is up, the gap is told")
    func killSubscriber() async throws {
        let server = try await RedisServer.started()
        let channels = (0..<300).map { "channel-\($0)" }
        let subscription = try await Subscription(server.configuration, channels: channels, patterns: ["p*"])
        let admin = try await server.admin()
        for round in 1...3 {
            #expect(try await admin.run("CLIENT KILL", "TYPE", "pubsub").integerValue == 1)
            try await eventually("outage \(round) is over") { subscription.outages.count == round }
            for channel in [channels[0], channels[299], "p1"] {
                #expect(try await admin.publish(ByteBuffer(string: "x"), to: channel) == 1)
            }
        }
        let outage = try #require(subscription.outages.values.first)
        #expect(outage.number == 1 && outage.subscriptions == 301 && !outage.isOutputBufferCutLikely)
        #expect(outage.reason.contains("closed the connection"))
        try await eventually("all messages") { subscription.messages.count == 9 }
        let states = subscription.states.values
        #expect(states.count == 7 && states.enumerated().allSatisfy { $1.isConnected == ($0 % 2 == 0) })
    }

    @Test("Publisher killed under load: every publish has an outcome, in order")
    func killPublisher() async throws {
        let server = try await RedisServer.started()
        let subscription = try await Subscription(server.configuration, channels: ["a"])
        let publisher = try await Publisher(server.configuration)
        let admin = try await server.admin()
        var accepted = 0
        for batch in 0..<100 {
            let first = UInt64(batch) * 50
            accepted += try await publisher.publish(first...first + 49, to: "a")
            if batch % 20 == 10 { _ = try await admin.run("CLIENT KILL", "TYPE", "normal") }
        }
        let total = accepted
        try await eventually("every accepted publish has an outcome") {
            publisher.delivered.count + publisher.lost.count == total
        }
        let delivered = publisher.delivered.values
        #expect(delivered == delivered.sorted())
        try await publisher.client.waitUntilUp(within: .seconds(20))
        #expect(try await publisher.client.publish(ByteBuffer(string: "end"), to: "a") == 1)
        try await eventually("the last") { subscription.messages.values.last == "a end" }
        // What Redis acknowledged was received, once and in order; what is not known may have been.
        let received = subscription.messages.values.dropLast().compactMap { UInt64($0.dropFirst(2)) }
        #expect(received == received.sorted() && Set(received).count == received.count)
        #expect(Set(received).isSuperset(of: delivered))
        let notSent = publisher.lost.values.filter { $0.hasSuffix("notSent") }.compactMap {
            UInt64($0.prefix { $0 != " " })
        }
        #expect(Set(received).isDisjoint(with: notSent))
        #expect(subscription.outages.count == 0)
    }

    @Test("Server stopped for two seconds: nothing lost, nothing cut, order kept")
    func stopped() async throws {
        let server = try await RedisServer.started()
        let subscription = try await Subscription(server.configuration, channels: ["a"])
        let publisher = try await Publisher(server.configuration)
        server.signal(SIGSTOP)
        let start = ContinuousClock.now
        var next: UInt64 = 1
        while ContinuousClock.now - start < .seconds(2) {
            #expect(try await publisher.publish(next...next, to: "a") == 1)
            next += 1
            try await Task.sleep(for: .milliseconds(20))
        }
        server.signal(SIGCONT)
        let last = next - 1
        try await eventually("all are received") {
            subscription.messages.count == last && publisher.delivered.count == last
        }
        #expect(subscription.messages.values == (1...last).map { "a \($0)" })
        #expect(publisher.delivered.values == Array(1...last) && publisher.lost.count == 0)
        #expect(subscription.outages.count == 0)
    }

    @Test("Server killed and back: down is told, commands fail at once, everything comes back")
    func killedAndBack() async throws {
        let server = try await RedisServer.started()
        let subscription = try await Subscription(server.configuration, channels: ["a", "b"])
        let publisher = try await Publisher(server.configuration)
        try await publisher.publish(1...10, to: "a")
        try await eventually("ten") { subscription.messages.count == 10 }
        server.stop()
        try await eventually("both links are down") {
            !publisher.client.state.isConnected && !subscription.subscriber.state.isConnected
        }
        #expect(try await publisher.publish(11...11, to: "a") == 0)
        let error = await #expect(throws: RedisError.self) { try await publisher.client.run("PING") }
        #expect(error?.code == .notConnected)
        async let late: Void = subscription.subscriber.subscribe(["late"])
        try await server.start()
        try await late
        try await subscription.subscriber.waitUntilUp(within: .seconds(20))
        try await publisher.client.waitUntilUp(within: .seconds(20))
        for channel in ["a", "b", "late"] {
            #expect(try await publisher.client.publish(ByteBuffer(string: "x"), to: channel) == 1)
        }
        try await eventually("the last") { subscription.messages.values.suffix(3) == ["a x", "b x", "late x"] }
        #expect(subscription.outages.count == 1)
    }

    @Test("A silent link is found dead within twice the ping interval, in either direction", arguments: [true, false])
    func halfOpen(towardsServer: Bool) async throws {
        let server = try await RedisServer.started()
        let proxy = try await TestProxy(to: server.port)
        var configuration = proxy.configuration
        configuration.pingInterval = .milliseconds(500)
        let subscription = try await Subscription(configuration, channels: ["a"])
        let client = try await RedisClient.connected(configuration)
        let start = ContinuousClock.now
        proxy.set { towardsServer ? ($0.swallowsToServer = true) : ($0.swallowsToClient = true) }
        try await eventually("both links are given up") {
            !client.state.isConnected && !subscription.subscriber.state.isConnected
        }
        // Twice the interval, and room for a machine that is busy.
        #expect(ContinuousClock.now - start < .seconds(3))
        #expect(subscription.states.values.contains(.degraded(reason: RedisLink.lateReason)))
        proxy.set { $0 = TestProxy.Faults() }
        try await subscription.subscriber.waitUntilUp(within: .seconds(20))
        try await client.waitUntilUp(within: .seconds(20))
        #expect(try await client.publish(ByteBuffer(string: "x"), to: "a") == 1)
        try await proxy.close()
    }

    @Test("A cut for the output buffer is recognised")
    func outputBufferCut() async throws {
        let server = try await RedisServer.started(["client-output-buffer-limit pubsub 64kb 0 0"])
        // A subscriber that reads nothing for a while, on a loop of its own.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let outages = Recorder<RedisOutage>()
        let gate = DispatchSemaphore(value: 0)
        var handlers = RedisSubscriberHandlers { message in
            if message.payload.readableBytes == 1 { gate.wait() }
        }
        handlers.onOutage = { outages.append($0) }
        let subscriber = RedisSubscriber(
            configuration: server.configuration, eventLoop: group.next(), logger: silentLogger, handlers: handlers)
        subscriber.start()
        try await subscriber.subscribe(["a"])
        let admin = try await server.admin()
        #expect(try await admin.publish(ByteBuffer(string: "!"), to: "a") == 1)
        try await eventually("Redis cuts it") {
            try await admin.publish(ByteBuffer(repeating: 0x61, count: 10_000), to: "a") == 0
        }
        gate.signal()
        try await eventually("the outage is over") { outages.count == 1 }
        #expect(outages.values[0].isOutputBufferCutLikely)
        #expect(try await admin.publish(ByteBuffer(string: "xx"), to: "a") == 1)
        await subscriber.close()
        try await group.shutdownGracefully()
    }

    @Test("A server that sends garbage is left, without harm")
    func garbage() async throws {
        let admin = try await GarbageServer()
        let client = RedisClient(
            configuration: admin.configuration, eventLoop: admin.eventLoop, logger: silentLogger)
        client.start()
        try await eventually("several attempts") { admin.connections.count >= 4 }
        guard case .down(let reason) = client.state else { throw TestFailure("\(client.state)") }
        #expect(reason.contains("protocolViolation") || reason.contains("connectionLost"))
        await client.close()
        try await admin.close()
    }
}
