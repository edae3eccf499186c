// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import MetricTesting
import NIOCore
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// Every figure of the cluster counts what its name says, and is the same in ``ClusterStatistics``.
@Suite("What a node of a cluster counts")
struct ClusterMetricTests {
    private func packet(_ uid: String, rooms: [String] = []) throws -> [UInt8] {
        let packet = BroadcastPacket(namespace: "/", event: "ev", data: try .event("ev"))
        let bytes = try PubSubWireFormat.broadcast(uid: uid, packet, options: BroadcastOptions(rooms: rooms))
        return Array(bytes.readableBytesView)
    }

    @Test("how far a stream is behind, in seconds")
    func streamLag() {
        CountedMetrics.counting { (metrics: CountedMetrics) in
            ClusterCounters().record(streamLag: .milliseconds(1_500))
            #expect(metrics["socketio_adapter_stream_lag_seconds"] == 1.5)
        }
    }

    @Test("messages out and in, those for nobody here, and those nobody understands")
    func messages() async throws {
        try await ManualNode.counted { node, metrics in
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
        try await ManualNode.counted({ $0.requestsTimeout = .seconds(1) }) { node, metrics in
            node.transport.with { $0.confirms = false }
            node.io.emit("a")
            try await eventually("handed over") { node.transport.published.count == 1 }
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
        try await ManualNode.counted({ $0.outage = OutagePolicy(mode: .localOnly) }) { node, metrics in
            try await node.transport.set(isUp: false)
            #expect(metrics["socketio_adapter_up"] == 0)
            for _ in 0..<3 { node.io.emit("a") }
            try await eventually("lost") { metrics["socketio_adapter_lost_total"] == 3 }
            #expect(node.cluster.statistics.lost == 3 && metrics["socketio_adapter_published_total"] == 0)
        }
        try await ManualNode.counted({ $0.outage = OutagePolicy(maximumAge: .seconds(10)) }) { node, metrics in
            try await node.transport.set(isUp: false)
            node.io.emit("old")
            try await eventually("one waits") { metrics["socketio_adapter_waiting_bytes"] ?? 0 > 0 }
            await node.advance(.seconds(10) - .nanoseconds(1))
            node.io.emit("young")
            node.io.emit("young")
            try await eventually("handed over") {
                try await node.loop.submit { node.adapter.channel.broadcasts == 3 }.get()
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
        try await ManualNode.counted({ $0.outage = OutagePolicy(mode: .localOnly) }) { node, metrics in
            node.transport.with { $0.confirms = false }
            node.io.emit("a")
            node.io.emit("b")
            try await eventually("handed over") { node.transport.published.count == 2 }
            try await node.transport.onDelegate { [transport = node.transport] in
                for _ in 0..<transport.takeUnanswered() { $0.published(.unknown(serverEnded: true)) }
                $0.publisherChanged(isUp: false, reason: "broken")
            }
            #expect(metrics["socketio_adapter_unconfirmed_total"] == 2 && node.cluster.statistics.unconfirmed == 2)
        }
    }

    @Test("peers, their broadcasts that never came, and the way of a heartbeat")
    func peers() async throws {
        try await ManualNode.counted { node, metrics in
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

    @Test("answers of foreign nodes that nobody waits for")
    func unexpectedAnswers() async throws {
        try await ManualNode.counted(subscribers: 4) { node, metrics in
            node.transport.forget()
            let asking = Task { try await node.adapter.allRooms() }
            try await eventually("asked") { !node.questions.isEmpty }
            let id = try #require(try TestValue(json: node.questions[0].text)["requestId"]?.string)
            func answer(_ members: String) async throws {
                try await node.transport.deliver(
                    "socket.io-response#/#", Array(#"{"requestId":"\#(id)","rooms":["a"]\#(members)}"#.utf8))
            }
            try await answer(#","uid":"one""#)
            #expect(metrics["socketio_adapter_unexpected_total"] == 0)
            // The same node again; a part that is not the next one.
            try await answer(#","uid":"one""#)
            try await answer(#","uid":"two","part":1"#)
            #expect(metrics["socketio_adapter_unexpected_total"] == 2)
            try await answer("")
            try await answer("")
            #expect(try await asking.value == ["a"])
            // Answers to the questions of other nodes come on this channel as well.
            try await answer("")
            #expect(metrics["socketio_adapter_unexpected_total"] == 2 && node.cluster.statistics.unexpected == 2)
        }
    }

    @Test("counts of clients that nobody waits for, of an acknowledged broadcast")
    func unexpectedCounts() async throws {
        try await ManualNode.counted(subscribers: 3) { node, metrics in
            try await node.meet("peer")
            node.transport.forget()
            let asking = Task { try await node.io.timeout(.seconds(4)).emitWithAck("ask", as: Int.self) }
            try await eventually("asked") { !node.questions.isEmpty }
            // MessagePack: a text of up to 31 bytes has its length in its first byte.
            let request = node.questions[0].payload
            let name = try #require(request.firstRange(of: Array("requestId".utf8)))
            let id = String(
                decoding: request[(name.upperBound + 1)...].prefix(Int(request[name.upperBound] & 0x1F)), as: UTF8.self)
            for expected in [0, 1, 2] as [Double] {
                try await node.transport.deliver(
                    "socket.io-response#/#",
                    Array(#"{"type":8,"requestId":"\#(id)","clientCount":1,"uid":"peer-uid"}"#.utf8))
                #expect(metrics["socketio_adapter_unexpected_total"] == expected)
            }
            await node.advance(.seconds(4))
            await #expect(throws: BroadcastAckError.self) { try await asking.value }
        }
    }

    @Test("answers of nodes of this kind that nobody waits for")
    func unexpectedPeerAnswers() async throws {
        try await ManualNode.counted(subscribers: 3) { node, metrics in
            try await node.meet("one")
            try await node.meet("two")
            node.transport.forget()
            let asking = Task { try await node.io.count() }
            try await eventually("asked") { !node.questions.isEmpty }
            let id = try #require(try TestValue(json: node.questions[0].text)["id"]?.string)
            func answer(_ peer: String) async throws {
                try await node.hear(
                    fromPeer: #"{"type":"answer","node":"\#(peer)","id":"\#(id)","nsp":"/","count":7}"#)
            }
            try await answer("one")
            #expect(metrics["socketio_adapter_unexpected_total"] == 0)
            try await answer("one")
            #expect(metrics["socketio_adapter_unexpected_total"] == 1)
            // One that this node has not met.
            try await answer("stranger")
            #expect(metrics["socketio_adapter_unexpected_total"] == 2)
            try await answer("two")
            #expect(try await asking.value == 14)
            // The question is over.
            try await answer("two")
            #expect(metrics["socketio_adapter_unexpected_total"] == 3 && node.cluster.statistics.unexpected == 3)
        }
    }

    @Test("questions that are not asked because too many wait for answers")
    func refusedQuestions() async throws {
        try await ManualNode.counted(subscribers: 2, { $0.maxPendingRequests = 2 }) { node, metrics in
            let first = [Task { try await node.io.count() }, Task { try await node.io.count() }]
            try await eventually("two wait") { node.cluster.cluster.questions.count == 2 }
            #expect(metrics["socketio_adapter_requests_refused_total"] == 0)
            let error = await #expect(throws: ClusterError.self) { try await node.io.count() }
            #expect(error?.code == .overloaded)
            #expect(metrics["socketio_adapter_requests_refused_total"] == 1)
            #expect(node.cluster.statistics.requestsRefused == 1)
            try await eventually("both are asked") { node.questions.count == 2 }
            await node.advance(.seconds(5))
            for question in first { await #expect(throws: ClusterError.self) { try await question.value } }
            #expect(metrics["socketio_adapter_requests_refused_total"] == 1)
        }
    }

    /// Each limit, from both sides.
    @Test("messages over a limit, by limit")
    func limitRefusals() async throws {
        try await ManualNode.counted(
            {
                $0.maxMessageBytes = 100_000
                $0.maxNesting = 8
                $0.maxPeers = 2
                $0.maxPeerBytes = 65_536
            }
        ) { node, metrics in
            func expect(_ expected: [ClusterLimit: Int], _ location: SourceLocation = #_sourceLocation) {
                for limit in ClusterLimit.allCases {
                    let count = metrics["socketio_adapter_limit_refusals_total", [("limit", limit.rawValue)]]
                    #expect(count == Double(expected[limit] ?? 0), "\(limit)", sourceLocation: location)
                }
            }
            func request(nesting depth: Int) -> [UInt8] {
                let data = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
                return Array(#"{"uid":"u","type":6,"data":\#(data)}"#.utf8)
            }
            try await node.transport.deliver("socket.io-request#/#", request(nesting: 7))
            expect([:])
            try await node.transport.deliver("socket.io-request#/#", request(nesting: 8))
            expect([.nesting: 1])
            let many = (0..<65_536).map { "r\($0)" }
            try await node.transport.deliver("socket.io#/#", packet("other", rooms: many))
            expect([.nesting: 1])
            try await node.transport.deliver("socket.io#/#", packet("other", rooms: many + ["more"]))
            expect([.nesting: 1, .rooms: 1])
            try await node.transport.onDelegate { $0.receivedOversized() }
            expect([.nesting: 1, .rooms: 1, .messageBytes: 1])
            node.io.emit("ev", String(repeating: "x", count: 90_000))
            node.io.emit("ev", String(repeating: "x", count: 100_000))
            try await eventually("counted") {
                metrics["socketio_adapter_limit_refusals_total", [("limit", "sent_bytes")]] == 1
            }
            expect([.nesting: 1, .rooms: 1, .messageBytes: 1, .sentBytes: 1])
            for peer in ["a", "b"] { try await node.meet(peer) }
            try await node.hear(fromPeer: #"{"type":"alive","node":"c","tag":"c","uids":{"/":"c-uid"}}"#)
            #expect(Set(node.cluster.nodes.map(\.tag)) == ["a", "b"])
            expect([.nesting: 1, .rooms: 1, .messageBytes: 1, .sentBytes: 1, .peers: 1])
            let uids = (0..<300).map { #""/\#($0)":"\#(String(repeating: "u", count: 200))\#($0)""# }
            try await node.hear(
                fromPeer: #"{"type":"alive","node":"a","tag":"a","uids":{\#(uids.joined(separator: ","))}}"#)
            expect([.nesting: 1, .rooms: 1, .messageBytes: 1, .sentBytes: 1, .peers: 1, .peerBytes: 1])
            #expect(node.cluster.statistics.overLimit == 6)
        }
    }

    @Test("messages on the channel of the nodes that are not signed, by reason")
    func strangers() async throws {
        let (key, other) = (ForwardingKey("only the nodes know it"), ForwardingKey("somebody else knows it"))
        try await ManualNode.counted({ $0.secret = key }) { node, metrics in
            let alive = #"{"type":"alive","node":"x","tag":"x","uids":{"/":"x-uid"}}"#
            let channel = "socket.io-node#"
            func hear(_ key: ForwardingKey, at time: Int64 = WallClock.milliseconds()) async throws -> ByteBuffer {
                let signed = PeerSignature(key: key).sign(ByteBuffer(string: alive), for: channel, at: time)
                try await node.transport.deliver(channel, Array(signed.readableBytesView))
                return signed
            }
            func expect(_ expected: [PeerRefusal: Int], _ location: SourceLocation = #_sourceLocation) {
                for reason in PeerRefusal.allCases {
                    let count = metrics["socketio_cluster_announcements_refused_total", [("reason", reason.rawValue)]]
                    #expect(count == Double(expected[reason] ?? 0), "\(reason)", sourceLocation: location)
                }
            }
            try await node.hear(fromPeer: alive)
            expect([.unsigned: 1])
            _ = try await hear(other)
            expect([.unsigned: 1, .wrongKey: 1])
            _ = try await hear(key, at: WallClock.milliseconds() - 60_000)
            expect([.unsigned: 1, .wrongKey: 1, .stale: 1])
            #expect(metrics["socketio_cluster_peers"] == 0)
            let signed = try await hear(key)
            #expect(metrics["socketio_cluster_peers"] == 1)
            expect([.unsigned: 1, .wrongKey: 1, .stale: 1])
            try await node.transport.deliver(channel, Array(signed.readableBytesView))
            expect([.unsigned: 1, .wrongKey: 1, .stale: 1, .replayed: 1])
        }
    }
}

extension ManualNode {
    /// A node with its figures, apart from those of others.
    fileprivate static func counted(
        subscribers: Int = 2, _ change: (inout RedisClusterConfiguration) -> Void = { _ in },
        _ body: (ManualNode, CountedMetrics) async throws -> Void
    ) async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            try await ManualNode.run(subscribers: subscribers, change) { node in try await body(node, metrics) }
        }
    }
}
