// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// When a node looks who is left, and how long its messages wait for the others, on a clock that the test moves.
@Suite("Exact times: looking after other nodes")
struct NodeTimeTests {
    @Test("while it is waited for, a node whose process has ended is gone after two looks, at 500 ms and 750 ms")
    func deadPeer() async throws {
        try await ManualNode.run(subscribers: 2, { $0.requestsTimeout = .seconds(3_600) }) { node in
            try await node.meet("dead")
            node.transport.with { $0.deserted = ["socket.io-node#dead#"] }
            node.transport.forget()
            let asking = Task { try await node.io.count() }
            try await eventually("it waits") { try await node.isWaiting() }
            await node.advance(.milliseconds(750) - .nanoseconds(1))
            #expect(try await node.isWaiting())
            #expect(node.cluster.nodes.count == 1)
            await node.advance(.nanoseconds(1))
            try await eventually("it is noticed") { try await !node.isWaiting() }
            #expect(try await asking.value == 0)
            #expect(node.cluster.nodes.isEmpty)
        }
    }

    @Test("a node that is away for one look only stays")
    func flappingPeer() async throws {
        try await ManualNode.run(subscribers: 2, { $0.requestsTimeout = .seconds(3_600) }) { node in
            try await node.meet("flap")
            let asking = Task { try await node.io.count() }
            try await eventually("it waits") { try await node.isWaiting() }
            node.transport.with { $0.deserted = ["socket.io-node#flap#"] }
            await node.advance(.milliseconds(500))
            node.transport.with { $0.deserted = [] }
            await node.advance(.milliseconds(1_000))
            #expect(try await node.isWaiting())
            #expect(node.cluster.nodes.count == 1)
            asking.cancel()
            node.transport.with { $0.deserted = ["socket.io-node#flap#"] }
            await node.advance(.milliseconds(1_000))
            try await eventually("it is noticed") { try await !node.isWaiting() }
            _ = try? await asking.value
        }
    }

    @Test("a foreign node that goes while it is waited for is noticed with the second look, after a second")
    func foreignPeer() async throws {
        try await ManualNode.run(subscribers: 2, { $0.requestsTimeout = .seconds(3_600) }) { node in
            node.transport.forget()
            let asking = Task { try await node.adapter.allRooms() }
            try await eventually("it is asked") { !node.questions.isEmpty }
            node.transport.with { $0.subscribers = 1 }
            await node.advance(.seconds(1) - .nanoseconds(1))
            #expect(try await node.isWaiting())
            await node.advance(.nanoseconds(1))
            try await eventually("it is noticed") { try await !node.isWaiting() }
            #expect(try await asking.value == [])
        }
    }

    @Test("after an outage messages wait for the other nodes, but no longer than the grace", arguments: [1_000, 300])
    func grace(milliseconds: Int64) async throws {
        try await ManualNode.run(
            subscribers: 2,
            {
                $0.outage = OutagePolicy(replayGrace: .milliseconds(milliseconds))
                $0.heartbeatInterval = .seconds(60)
                $0.peerTimeout = .seconds(600)
            }
        ) { node in
            try await node.meet("away")
            try await node.transport.set(isUp: false)
            node.io.emit("late")
            try await eventually("it waits") {
                try await node.loop.submit { node.adapter.channel.broadcasts == 1 }.get()
            }
            node.transport.forget()
            // The other node is not back.
            node.transport.with { $0.subscribers = 1 }
            try await node.transport.set(isUp: true)
            await node.advance(.milliseconds(milliseconds) - .nanoseconds(1))
            #expect(!node.transport.published.contains { $0.text.contains("late") })
            await node.advance(.nanoseconds(1))
            #expect(node.transport.published.contains { $0.text.contains("late") })
        }
    }

    @Test("as soon as they are back it is sent")
    func back() async throws {
        try await ManualNode.run(subscribers: 2, { $0.outage = OutagePolicy(replayGrace: .seconds(60)) }) { node in
            try await node.meet("away")
            try await node.transport.set(isUp: false)
            node.io.emit("late")
            try await eventually("it waits") {
                try await node.loop.submit { node.adapter.channel.broadcasts == 1 }.get()
            }
            node.transport.forget()
            node.transport.with { $0.subscribers = 1 }
            try await node.transport.set(isUp: true)
            await node.advance(.milliseconds(500))
            #expect(!node.transport.published.contains { $0.text.contains("late") })
            node.transport.with { $0.subscribers = 2 }
            // It looks every 32 ms by now.
            await node.advance(.milliseconds(32))
            #expect(node.transport.published.contains { $0.text.contains("late") })
        }
    }
}
