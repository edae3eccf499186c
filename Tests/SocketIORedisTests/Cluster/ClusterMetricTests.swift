// Part of socketio-server, MIT licence; see LICENSE.

import MetricTesting
import NIOCore
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIORedis

/// Every figure of the cluster counts what its name says, and is the same in ``ClusterStatistics``.
@Suite("What a node of a cluster counts")
struct ClusterMetricTests {
    /// A node alone with its figures.
    private func withNode(
        _ change: (inout RedisClusterConfiguration) -> Void = { _ in },
        _ body: (ManualNode, CountedMetrics) async throws -> Void
    ) async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            try await ManualNode.run(subscribers: 2, change) { node in try await body(node, metrics) }
        }
    }

    private func packet(_ uid: String, rooms: [String] = []) throws -> [UInt8] {
        let packet = BroadcastPacket(namespace: "/", event: "ev", data: try .event("ev"))
        let bytes = try PubSubWireFormat.broadcast(uid: uid, packet, options: BroadcastOptions(rooms: rooms))
        return Array(bytes.readableBytesView)
    }

    @Test("messages out and in, those for nobody here, and those nobody understands")
    func messages() async throws {
        try await withNode { node, metrics in
            #expect(metrics["socketio_adapter_up"] == 1)
            node.io.emit("a")
            node.io.local.emit("a")
            node.io.to("room").emit("a")
            try await eventually("published") { metrics["socketio_adapter_published_total"] == 2 }
            try await node.transport.deliver("socket.io#/#", packet("other"))
            #expect(metrics["socketio_adapter_received_total"] == 1)
            try await node.transport.deliver("socket.io#/#nobody#", packet("other", rooms: ["nobody"]))
            #expect(metrics["socketio_adapter_filtered_total"] == 1)
            try await node.transport.deliver("socket.io-request#/#", Array("no json".utf8))
            try await node.transport.onDelegate { $0.receivedOversized() }
            #expect(metrics["socketio_adapter_invalid_total"] == 2)
            // Answers to the questions of other nodes come on this channel as well, and are nobody's fault.
            try await node.transport.deliver("socket.io-response#/#", Array(#"{"requestId":"x","rooms":[]}"#.utf8))
            #expect(metrics["socketio_adapter_unexpected_total"] == 0)
            let statistics = node.cluster.statistics
            #expect(statistics.published == 2 && statistics.received == 1 && statistics.filtered == 1)
            #expect(statistics.invalid == 2 && statistics.unexpected == 0)
        }
    }

    @Test("what Redis refuses, and what is not answered in time")
    func refusals() async throws {
        try await withNode({ $0.requestsTimeout = .seconds(1) }) { node, metrics in
            node.transport.with { $0.confirms = false }
            node.io.emit("a")
            try await eventually("handed over") { node.transport.with { $0.unanswered } == 1 }
            try await node.transport.onDelegate { [transport = node.transport] in
                for _ in 0..<transport.takeUnanswered() { $0.published(.refused(TestFailure("no"))) }
            }
            #expect(metrics["socketio_adapter_refused_total"] == 1 && node.cluster.statistics.refused == 1)
            node.transport.with { $0.confirms = true }
            node.transport.forget()
            let asking = Task { try await node.adapter.allRooms() }
            try await eventually("asked") { try await node.isWaiting() }
            await node.advance(.seconds(1))
            await #expect(throws: ClusterError.self) { try await asking.value }
            #expect(metrics["socketio_adapter_request_timeouts_total"] == 1)
        }
    }

    @Test("what is lost without Redis, what waits, what waits too long, and what is sent late")
    func outage() async throws {
        try await withNode({ $0.outage = OutagePolicy(mode: .localOnly) }) { node, metrics in
            try await node.transport.set(isUp: false)
            #expect(metrics["socketio_adapter_up"] == 0)
            for _ in 0..<3 { node.io.emit("a") }
            try await eventually("lost") { metrics["socketio_adapter_lost_total"] == 3 }
            #expect(node.cluster.statistics.lost == 3 && metrics["socketio_adapter_published_total"] == 0)
        }
        try await withNode({ $0.outage = OutagePolicy(maximumAge: .seconds(10)) }) { node, metrics in
            try await node.transport.set(isUp: false)
            node.io.emit("old")
            try await eventually("one waits") { metrics["socketio_adapter_waiting_bytes"] ?? 0 > 0 }
            await node.advance(.seconds(10) - .nanoseconds(1))
            node.io.emit("young")
            node.io.emit("young")
            try await eventually("handed over") {
                try await node.loop.submit { node.adapter.source.broadcasts == 3 }.get()
            }
            #expect(metrics["socketio_adapter_dropped_total"] == 0)
            await node.advance(.nanoseconds(2))
            try await node.transport.set(isUp: true)
            try await eventually("sent") {
                await node.advance(.seconds(1))
                return metrics["socketio_adapter_replayed_total"] == 2
            }
            #expect(metrics["socketio_adapter_dropped_total"] == 1 && metrics["socketio_adapter_waiting_bytes"] == 0)
            #expect(node.cluster.statistics.dropped == 1 && node.cluster.statistics.replayed == 2)
        }
    }

    @Test("what was on the way when the connection broke")
    func unconfirmed() async throws {
        try await withNode({ $0.outage = OutagePolicy(mode: .localOnly) }) { node, metrics in
            node.transport.with { $0.confirms = false }
            node.io.emit("a")
            node.io.emit("b")
            try await eventually("handed over") { node.transport.with { $0.unanswered } == 2 }
            try await node.transport.onDelegate { [transport = node.transport] in
                for _ in 0..<transport.takeUnanswered() { $0.published(.unknown(serverEnded: true)) }
                $0.publisherChanged(isUp: false, reason: "broken")
            }
            #expect(metrics["socketio_adapter_unconfirmed_total"] == 2 && node.cluster.statistics.unconfirmed == 2)
        }
    }

    @Test("peers, their broadcasts that never came, and the way of a heartbeat")
    func peers() async throws {
        try await withNode { node, metrics in
            #expect(metrics["socketio_cluster_peers"] == 0)
            func alive(_ published: Int) -> String {
                #"{"type":"alive","node":"peer","tag":"peer","uids":{"/":"u"},"published":{"/":\#(published)}}"#
            }
            try await node.hear(fromPeer: alive(10))
            #expect(metrics["socketio_cluster_peers"] == 1)
            try await node.transport.deliver("socket.io#/#", packet("u"))
            try await node.hear(fromPeer: alive(14))
            #expect(metrics["socketio_adapter_missed_total"] == 3 && node.cluster.statistics.missed == 3)
            try await node.transport.deliver("socket.io#/#", packet("u"))
            try await node.hear(fromPeer: alive(15))
            #expect(metrics["socketio_adapter_missed_total"] == 3)
            // The next heartbeat takes 30 ms to come back.
            node.transport.forget()
            await node.advance(.seconds(2))
            let beat = try #require(node.transport.with { $0.published }.first { $0.text.contains(#""type":"alive""#) })
            await node.advance(.milliseconds(30))
            try await node.transport.deliver(beat.channel, beat.payload)
            #expect(metrics["socketio_adapter_lag_seconds"] == 0.03)
        }
    }
}
