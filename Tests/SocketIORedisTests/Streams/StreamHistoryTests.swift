// Part of socketio-server, MIT licence; see LICENSE.

import EngineIOServer
import MetricTesting
import NIOConcurrencyHelpers
import NIOCore
import SocketIOCore
import SocketIOTesting
import Testing

@testable import HiredisNIO
@testable import SocketIOCluster
@testable import SocketIORedis
@testable import SocketIOServer

/// What a node that joins reads of a stream, and for which clients that is enough.
@Suite("History of a stream", .timeLimit(.minutes(1)))
struct StreamHistoryTests {
    /// A stream whose entries are a millisecond apart, the last one now.
    private struct Stream: Sendable {
        let entries: [(id: RedisStreamID, values: [String])]
        var length: Int
        var failsAfterPages = Int.max
        let pages = NIOLockedValueBox(0)

        init(_ count: Int, length: Int? = nil, namespace: (Int) -> String = { _ in "/" }) {
            let now = UInt64(WallClock.milliseconds())
            entries = (1...count).map {
                (
                    RedisStreamID(milliseconds: now - UInt64(count - $0), sequence: 0),
                    ["other", namespace($0), "3", broadcast($0)]
                )
            }
            self.length = length ?? count
        }

        func answer(_ words: [String]) throws -> RESPValue {
            switch words.first {
            case "XLEN": return .integer(Int64(length))
            case "XRANGE" where words[2] == "-": return .entries([entries[0]])
            case "XRANGE":
                let page = pages.withLockedValue { pages in
                    pages += 1
                    return pages
                }
                guard page <= failsAfterPages else { throw Refused() }
                let start = try #require(RedisStreamID(ByteBuffer(substring: words[2].dropFirst())))
                let end = try #require(RedisStreamID(ByteBuffer(string: words[3])))
                let found = entries.filter { $0.id > start && $0.id <= end }
                return .entries(Array(found.prefix(try #require(Int(words[5])))))
            default: return .null
            }
        }
    }

    private func withHistory(
        _ stream: Stream, _ body: (NamespaceLog, Stream) async throws -> Void
    ) async throws {
        let newest = try #require(stream.entries.last?.id)
        try await ManualNode.runStreams(script: { state in
            state.newest = newest
            state.answer = { try stream.answer($0) }
        }) { _, log, _ in try await body(log, stream) }
    }

    @Test("Several pages are read, and entries of other namespaces are passed over")
    func pages() async throws {
        let stream = Stream(450) { $0 % 3 == 0 ? "/chat" : "/" }
        try await withHistory(stream) { log, stream in
            #expect(log.size.events == 300)
            #expect(log.last == EventPosition(stream.entries[448].id))
            #expect(stream.pages.withLockedValue { $0 } >= 3)
            // A client that has seen the first hundred entries.
            let start = EventPosition(stream.entries[99].id)
            let record = try session()
            #expect(log.isComplete(for: record, after: start))
            let missed = try log.missed(
                by: record, after: start, through: log.last, limits: ReplayLimits(maximumEvents: 1000))
            #expect(missed.count == 450 - 100 - 117)
        }
    }

    @Test("Of a stream that has been trimmed, only what follows the oldest entry is known")
    func trimmed() async throws {
        try await withHistory(Stream(50, length: 10_000)) { log, stream in
            #expect(log.size.events == 49)
            let record = try session()
            #expect(log.isComplete(for: record, after: EventPosition(stream.entries[0].id)))
            let before = RedisStreamID(milliseconds: stream.entries[0].id.milliseconds - 1, sequence: 0)
            #expect(!log.isComplete(for: record, after: EventPosition(before)))
        }
    }

    @Test("When a page cannot be read, nothing before the node's start counts as known")
    func failure() async throws {
        var stream = Stream(450)
        stream.failsAfterPages = 1
        try await withHistory(stream) { log, stream in
            #expect(log.size.events == 0)
            #expect(log.last == EventPosition(stream.entries[449].id))
            let record = try session()
            #expect(!log.isComplete(for: record, after: EventPosition(stream.entries[100].id)))
            #expect(log.isComplete(for: record, after: log.last))
        }
    }

    /// Beyond the limit, late events are better than none.
    @Test("Entries that come while the history is read wait, up to a number and a size", arguments: [true, false])
    func waiting(areMany: Bool) async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in
            var streams = RedisStreams()
            if areMany { streams.maxWaitingEntries = 2 } else { streams.maxWaitingBytes = 65_536 }
            let stream = Stream(10)
            let newest = try #require(stream.entries.last?.id)
            try await ManualNode.runStreams(
                streams: streams,
                script: { state in
                    state.newest = newest
                    state.answer = { try stream.answer($0) }
                }
            ) { node, _, _ in
                node.transport.with { $0.holds = { ["XLEN", "XRANGE"].contains($0[0]) } }
                let later = node.io.of("/later")
                let log = try #require((later.adapter as? ClusterAdapter)?.local.log)
                try await eventually("it reads the history") { node.transport.with { $0.held } > 0 }
                func last(_ number: UInt64) -> EventPosition {
                    EventPosition(RedisStreamID(milliseconds: newest.milliseconds + number, sequence: 0))
                }
                func deliver(_ number: UInt64, _ data: String) async throws {
                    let id = RedisStreamID(milliseconds: newest.milliseconds + number, sequence: 0)
                    try await node.transport.deliver(id, "other", "/later", "3", data)
                }
                func refusals() -> Double? {
                    metrics["socketio_adapter_limit_refusals_total", [("limit", "waiting_entries")]]
                }
                // Two of them are as long as may wait.
                let short = broadcast(1).replacing(#""nsp":"/""#, with: #""nsp":"/later""#)
                let data = areMany ? short : short + String(repeating: " ", count: 32_768 - short.utf8.count)
                for number: UInt64 in 1...2 { try await deliver(number, data) }
                #expect(log.last < last(1))
                #expect(refusals() == 0)
                try await deliver(3, short)
                #expect(log.last == last(3))
                #expect(refusals() == 1)
                try await node.transport.giveAnswers()
                try await deliver(4, short)
                #expect(log.last == last(4))
                #expect(refusals() == 1)
            }
        }
    }

    @Test("Entries that come meanwhile follow the earlier ones, and the lag is told")
    func lag() async throws {
        try await CountedMetrics.counting { (metrics: CountedMetrics) async throws in try await lag(metrics) }
    }

    private func lag(_ metrics: CountedMetrics) async throws {
        var lag: Double? { metrics["socketio_adapter_stream_lag_seconds"] }
        try await ManualNode.runStreams { node, log, _ in
            let old = RedisStreamID(milliseconds: UInt64(WallClock.milliseconds()) - 5_000, sequence: 1)
            try await node.transport.deliver(old, "other", "/", "3", broadcast(1))
            #expect(log.last == EventPosition(old))
            let first = try #require(lag)
            #expect((5..<30).contains(first))
            // Redis's clock is ahead: no lag. An id that is no time is no reason to trap.
            let ahead = RedisStreamID(milliseconds: UInt64(WallClock.milliseconds()) + 60_000, sequence: 0)
            try await node.transport.deliver(ahead, "other", "/", "3", broadcast(2))
            #expect(lag == 0)
            try await node.transport.deliver(
                RedisStreamID(milliseconds: .max, sequence: .max), "other", "/", "3", broadcast(3))
            #expect(lag == 0)
        }
    }
}
