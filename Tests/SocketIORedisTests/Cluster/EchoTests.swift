// Part of socketio-server, MIT licence; see LICENSE.

import NIOConcurrencyHelpers
import NIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// Messages whose reply never came: what this node hears of itself decides.
@Suite("Messages in doubt")
struct EchoTests {
    private struct Setup {
        let node: NodeUnderTest
        let transport: ScriptedTransport
        /// How many echoes have been heard or passed over.
        let heard = NIOLockedValueBox(0)

        /// Emits, and waits until the messages have been handed to Redis.
        func emit(_ names: String...) async throws -> [Published] {
            let before = transport.published.count
            for name in names { node.io.emit(name) }
            try await eventually("handed over") { transport.published.count == before + names.count }
            return Array(transport.published[before...])
        }

        func hear(_ message: Published) async throws {
            try await transport.deliver(message.channel, message.payload)
        }

        /// The publishing connection breaks with everything unanswered, the node's own heartbeats too, and comes back.
        func breakPublisher(serverEnded: Bool = true) async throws {
            try await transport.onDelegate { [transport] delegate in
                for _ in 0..<transport.takeUnanswered() { delegate.published(.unknown(serverEnded: serverEnded)) }
                delegate.publisherChanged(isUp: false, reason: "broken")
                delegate.publisherChanged(isUp: true, reason: "")
            }
        }

        /// The node's questions to itself.
        var asked: [Published] { transport.with { $0.published }.filter { $0.text.contains("\"echo\"") } }

        /// Redis passes the node's last question to itself on, of which there is one more than had been heard.
        func echo() async throws {
            let before = heard.withLockedValue { $0 }
            try await eventually("an echo is asked for") { asked.count > before }
            heard.withLockedValue { $0 = asked.count }
            if let echo = asked.last { try await hear(echo) }
        }

        /// Redis confirms everything.
        func confirm() async throws {
            try await transport.onDelegate { [transport] delegate in
                for _ in 0..<transport.takeUnanswered() { delegate.published(.delivered(1)) }
            }
        }

        var statistics: ClusterStatistics { node.cluster.statistics }
        /// Names of the events published, in order.
        var names: [String] {
            transport.published.compactMap { message in
                ["one", "two", "three", "same"].first { message.text.contains($0) }
            }
        }
    }

    private func withNode(
        _ mode: OutagePolicy.Mode = .buffer, grace: Duration = .seconds(60), _ body: (Setup) async throws -> Void
    ) async throws {
        var configuration = RedisClusterConfiguration()
        configuration.heartbeatInterval = .seconds(3_600)
        configuration.peerTimeout = .seconds(7_200)
        configuration.outage.mode = mode
        configuration.outage.replayGrace = grace
        let holder = NIOLockedValueBox<ScriptedTransport?>(nil)
        let cluster = try RedisCluster(configuration: configuration) { eventLoop, _ in
            let transport = ScriptedTransport(eventLoop: eventLoop)
            transport.with { $0.confirms = false }
            holder.withLockedValue { $0 = transport }
            return transport
        }
        let node = try await NodeUnderTest.start("nod0", cluster)
        let transport = try #require(holder.withLockedValue { $0 })
        try await cluster.waitUntilUp(within: .seconds(10))
        // It has said hello, so it hears itself, and it has told of its namespaces.
        try await eventually("said hello") { transport.with { $0.published.count } >= 2 }
        let setup = Setup(node: node, transport: transport)
        try await setup.confirm()
        // It asks how much of itself it hears: with the connection, and when peers and adapter have subscribed.
        if mode == .buffer {
            try await eventually("asked") { setup.asked.count == 3 }
            try await setup.echo()
        }
        try await setup.confirm()
        do {
            try await body(setup)
        } catch {
            await node.io.close()
            throw error
        }
        await node.io.close()
    }

    @Test("none was heard: all are sent again, in order")
    func noneHeard() async throws {
        try await withNode { setup in
            _ = try await setup.emit("one", "two", "three")
            try await setup.breakPublisher()
            try await setup.echo()
            try await eventually("sent again") { setup.names == ["one", "two", "three", "one", "two", "three"] }
            #expect(setup.statistics.replayed == 3)
            #expect(setup.statistics.unconfirmed == 0)
        }
    }

    @Test("some were heard: the rest is sent again, before anything newer")
    func someHeard() async throws {
        try await withNode { setup in
            let sent = try await setup.emit("one", "two")
            try await setup.hear(sent[0])
            try await setup.breakPublisher()
            setup.node.io.emit("three")
            try await setup.echo()
            try await eventually("sent again") { setup.names == ["one", "two", "two", "three"] }
            #expect(setup.statistics.unconfirmed == 0)
        }
    }

    @Test("all were heard: nothing is sent again")
    func allHeard() async throws {
        try await withNode { setup in
            for message in try await setup.emit("one", "two") { try await setup.hear(message) }
            try await setup.breakPublisher()
            try await setup.echo()
            setup.node.io.emit("three")
            try await eventually("the next") { setup.names == ["one", "two", "three"] }
            #expect(setup.statistics.replayed == 1 || setup.statistics.replayed == 0)
            #expect(setup.statistics.unconfirmed == 0)
        }
    }

    @Test("messages with the same bytes are told apart")
    func same() async throws {
        try await withNode { setup in
            let sent = try await setup.emit("same", "same")
            try await setup.hear(sent[0])
            try await setup.breakPublisher()
            try await setup.echo()
            setup.node.io.emit("three")
            try await eventually("the next") { setup.names == ["same", "same", "same", "three"] }
            #expect(setup.statistics.unconfirmed == 0)
        }
    }

    @Test(
        "the last message heard has the bytes of one in doubt: those before it are sent again",
        arguments: [true, false])
    func sameAsBefore(isConfirmed: Bool) async throws {
        try await withNode { setup in
            for message in try await setup.emit("same") { try await setup.hear(message) }
            if isConfirmed { try await setup.confirm() }
            _ = try await setup.emit("one", "same")
            try await setup.breakPublisher()
            try await setup.echo()
            try await eventually("sent again") { setup.names == ["same", "one", "same", "one", "same"] }
            #expect(setup.statistics.unconfirmed == 0)
        }
    }

    @Test("the connection breaks again and again: each time it is told what was heard")
    func repeatedly() async throws {
        try await withNode { setup in
            for message in try await setup.emit("one", "two") { try await setup.hear(message) }
            try await setup.breakPublisher()
            try await setup.echo()
            let third = try await setup.emit("three")
            try await setup.breakPublisher()
            try await setup.echo()
            try await eventually("sent again") { setup.names == ["one", "two", "three", "three"] }
            try await setup.hear(third[0])
            try await setup.breakPublisher()
            try await setup.echo()
            let last = try await setup.emit("one")
            #expect(last.count == 1)
            #expect(setup.names == ["one", "two", "three", "three", "one"])
            #expect(setup.statistics.unconfirmed == 0)
        }
    }

    @Test("what could not be told once does not spoil the next time")
    func afterUnknown() async throws {
        try await withNode { setup in
            _ = try await setup.emit("one")
            try await setup.breakPublisher(serverEnded: false)
            try await eventually("counted") { setup.statistics.unconfirmed == 1 }
            try await setup.echo()
            _ = try await setup.emit("two")
            try await setup.breakPublisher()
            try await setup.echo()
            try await eventually("sent again") { setup.names == ["one", "two", "two"] }
            #expect(setup.statistics.unconfirmed == 1)
        }
    }

    @Test("it is not known: lost and counted", arguments: ["deaf", "own end", "no echo", "oversized"])
    func unknown(why: String) async throws {
        // Without an echo the end of the grace is waited for.
        try await withNode(grace: why == "no echo" ? .milliseconds(300) : .seconds(60)) { setup in
            _ = try await setup.emit("one", "two")
            switch why {
            case "deaf":
                // This node's own subscription broke too.
                try await setup.breakPublisher()
                try await setup.transport.onDelegate {
                    $0.subscriberChanged(isUp: false, reason: "broken")
                    $0.subscriberChanged(isUp: true, reason: "")
                }
                try await setup.echo()
            case "own end":
                // This side gave the connection up: Redis may still read what is on the way.
                try await setup.breakPublisher(serverEnded: false)
            case "oversized":
                try await setup.transport.onDelegate { $0.receivedOversized() }
                try await setup.breakPublisher()
                try await setup.echo()
            default: try await setup.breakPublisher()
            }
            try await eventually("counted") { setup.statistics.unconfirmed == 2 }
            setup.node.io.emit("three")
            try await eventually("the next") { setup.names == ["one", "two", "three"] }
        }
    }

    @Test("a policy that keeps nothing keeps no doubts", arguments: [OutagePolicy.Mode.localOnly, .fail])
    func otherPolicies(mode: OutagePolicy.Mode) async throws {
        try await withNode(mode) { setup in
            _ = try await setup.emit("one")
            try await setup.breakPublisher()
            try await eventually("counted") { setup.statistics.unconfirmed == 1 }
            #expect(setup.names == ["one"])
        }
    }
}
